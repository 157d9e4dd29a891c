//! User agents of current clients.

/// SDKs and command lines, which sign their requests; the most used first.
pub(super) const SDK: [&str; 12] = [
    "aws-sdk-go-v2/1.39.3 ua/2.1 os/linux lang/go#1.25.2 api/s3#1.88.5 m/g,t",
    "aws-sdk-js/3.913.0 ua/2.1 os/linux#6.1.155 lang/js md/nodejs#22.20.0 api/s3#3.913.0 m/Z,N,E,e",
    "aws-sdk-rust/1.3.9 ua/2.1 api/s3/1.108.0 os/linux lang/rust/1.90.0 m/E,N,b",
    "Boto3/1.40.55 md/Botocore#1.40.55 ua/2.1 os/linux#6.1.153 lang/python#3.12.11 exec-env/AWS_Lambda_python3.12",
    "aws-sdk-java/2.35.7 md/io#async md/http#NettyNio ua/2.1 api/S3#2.35.x os/Linux#5.10.244 lang/java#21.0.8 md/en_US m/D,U,AB",
    "aws-cli/2.31.18 ua/2.1 os/linux#6.12.46 lang/python#3.13.7 m/E,C,Z,b cfg/retry-mode#standard md/command#s3.cp",
    "rclone/v1.71.1",
    "Hadoop 3.4.1, aws-sdk-java/2.29.52 md/io#sync md/http#Apache ua/2.1 os/Linux#6.1.150 lang/java#17.0.16 exec-env/EMR m/F,G",
    "aws-sdk-dotnet-coreclr/4.0.7.14 ua/2.1 os/linux#6.8.0 md/ARCH#X64 lang/.NET_Core#8.0.20 md/aws-sdk-dotnet-core#4.0.0.32 api/S3#4.0.7.14 cfg/retry-mode#standard",
    "Amazon Athena, aws-internal/3 aws-sdk-java/1.12.791 Linux/5.10.244 OpenJDK_64-Bit_Server_VM/25.462-b08 java/1.8.0_462 kotlin/1.6.20 vendor/Amazon.com_Inc.",
    "APN/1.0 HashiCorp/1.0 Terraform/1.13.4 (+https://www.terraform.io) terraform-provider-aws/6.17.0 (+https://registry.terraform.io/providers/hashicorp/aws) aws-sdk-go-v2/1.39.3 ua/2.1 os/linux lang/go#1.24.8",
    "S3Console/0.4, aws-internal/3 aws-sdk-java/1.12.788 Linux/5.10.242 OpenJDK_64-Bit_Server_VM/25.462-b08 java/1.8.0_462 vendor/Oracle_Corporation cfg/retry-mode/standard",
];

/// Browsers and crawlers, which send unsigned or presigned requests.
pub(super) const WEB: [&str; 6] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "curl/8.16.0",
];

/// Pages that link to objects.
pub(super) const REFERERS: [&str; 4] = [
    "https://www.example.com/",
    "https://shop.example.com/products?category=garden&page=3",
    "https://docs.example.org/en/latest/download.html",
    "https://intranet.example.net/",
];
