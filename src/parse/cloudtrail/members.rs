//! Which member of which object becomes which field.

use super::field;

/// What is done with a member.
#[derive(Clone, Copy)]
pub(super) enum Member {
    /// A scalar.
    Text(usize),
    /// A scalar, or an array of strings (records of old versions), whose first one is taken.
    FirstText(usize),
    /// A scalar that stands in where the field's own member is missing.
    Otherwise(usize),
    /// Kept as JSON text.
    Json(usize),
    /// An array kept as JSON text.
    Array(usize),
    /// An object with members that are fields; the first of them stands for the group.
    Object(usize, Table),
    /// The same, and kept as JSON text.
    JsonObject(usize, Table),
    /// Not a field.
    Unknown,
}

/// The members of one kind of object. Tables lie in one another four deep at most.
pub(super) type Table = fn(&[u8]) -> Member;

/// Fields that end where the record ends: parts of [`field::KMS_KEY_ARN`], decided when all is known.
pub(super) const KMS_KEY_ASKED: usize = field::WIDTH;
pub(super) const S3_KMS_KEY_USED: usize = field::WIDTH + 1;
pub(super) const S3_KMS_KEY_ASKED: usize = field::WIDTH + 2;
/// Fields of a record in the making.
pub(super) const WORKING_WIDTH: usize = field::WIDTH + 3;

use Member::{Array, FirstText, Json, JsonObject, Object, Otherwise, Text, Unknown};

/// The members of a record.
pub(super) fn record(name: &[u8]) -> Member {
    match name {
        b"eventVersion" => Text(field::EVENT_VERSION),
        b"userIdentity" => Object(field::USER_IDENTITY_TYPE, user_identity),
        b"eventTime" => Text(field::EVENT_TIME),
        b"eventSource" => Text(field::EVENT_SOURCE),
        b"eventName" => Text(field::EVENT_NAME),
        b"awsRegion" => Text(field::AWS_REGION),
        b"sourceIPAddress" => Text(field::SOURCE_IP_ADDRESS),
        b"userAgent" => Text(field::USER_AGENT),
        b"errorCode" => Text(field::ERROR_CODE),
        b"errorMessage" => Text(field::ERROR_MESSAGE),
        b"requestParameters" => JsonObject(field::REQUEST_PARAMETERS, request_parameters),
        b"responseElements" => JsonObject(field::RESPONSE_ELEMENTS, response_elements),
        b"additionalEventData" => JsonObject(field::ADDITIONAL_EVENT_DATA, additional_event_data),
        b"requestID" => Text(field::REQUEST_ID),
        b"eventID" => Text(field::EVENT_ID),
        b"readOnly" => Text(field::READ_ONLY),
        b"resources" => Array(field::RESOURCES),
        b"eventType" => Text(field::EVENT_TYPE),
        b"managementEvent" => Text(field::MANAGEMENT_EVENT),
        b"recipientAccountId" => Text(field::RECIPIENT_ACCOUNT_ID),
        b"eventCategory" => Text(field::EVENT_CATEGORY),
        b"tlsDetails" => Object(field::TLS_VERSION, tls_details),
        b"apiVersion" => Text(field::API_VERSION),
        b"sharedEventID" => Text(field::SHARED_EVENT_ID),
        b"vpcEndpointId" => Text(field::VPC_ENDPOINT_ID),
        b"vpcEndpointAccountId" => Text(field::VPC_ENDPOINT_ACCOUNT_ID),
        b"sessionCredentialFromConsole" => Json(field::SESSION_CREDENTIAL_FROM_CONSOLE),
        b"serviceEventDetails" => Json(field::SERVICE_EVENT_DETAILS),
        b"insightDetails" => Json(field::INSIGHT_DETAILS),
        b"addendum" => Json(field::ADDENDUM),
        b"edgeDeviceDetails" => Json(field::EDGE_DEVICE_DETAILS),
        b"eventId" => Otherwise(field::EVENT_ID),
        b"sharedEventId" => Otherwise(field::SHARED_EVENT_ID),
        b"accountId" => Otherwise(field::RECIPIENT_ACCOUNT_ID),
        _ => Unknown,
    }
}

fn user_identity(name: &[u8]) -> Member {
    match name {
        b"type" => Text(field::USER_IDENTITY_TYPE),
        b"principalId" => Text(field::USER_IDENTITY_PRINCIPAL_ID),
        b"arn" => Text(field::USER_IDENTITY_ARN),
        b"accountId" => Text(field::USER_IDENTITY_ACCOUNT_ID),
        b"accessKeyId" => Text(field::USER_IDENTITY_ACCESS_KEY_ID),
        b"userName" => Text(field::USER_IDENTITY_USER_NAME),
        b"invokedBy" => Text(field::USER_IDENTITY_INVOKED_BY),
        b"sessionContext" => Object(field::SESSION_ISSUER_TYPE, session_context),
        b"invokedByDelegate" => Object(field::DELEGATE_ACCOUNT_ID, |name| match name {
            b"accountId" => Text(field::DELEGATE_ACCOUNT_ID),
            _ => Unknown,
        }),
        b"onBehalfOf" => Object(field::ON_BEHALF_OF_USER_ID, |name| match name {
            b"userId" => Text(field::ON_BEHALF_OF_USER_ID),
            b"identityStoreArn" => Text(field::ON_BEHALF_OF_IDENTITY_STORE_ARN),
            _ => Unknown,
        }),
        b"inScopeOf" => Object(field::IN_SCOPE_OF_SOURCE_ARN, |name| match name {
            b"sourceArn" => Text(field::IN_SCOPE_OF_SOURCE_ARN),
            b"sourceAccount" => Text(field::IN_SCOPE_OF_SOURCE_ACCOUNT),
            b"issuerType" => Text(field::IN_SCOPE_OF_ISSUER_TYPE),
            b"credentialsIssuedTo" => Text(field::IN_SCOPE_OF_CREDENTIALS_ISSUED_TO),
            _ => Unknown,
        }),
        b"credentialId" => Text(field::CREDENTIAL_ID),
        b"identityProvider" => Text(field::IDENTITY_PROVIDER),
        _ => Unknown,
    }
}

fn session_context(name: &[u8]) -> Member {
    match name {
        b"sessionIssuer" => Object(field::SESSION_ISSUER_TYPE, |name| match name {
            b"type" => Text(field::SESSION_ISSUER_TYPE),
            b"principalId" => Text(field::SESSION_ISSUER_PRINCIPAL_ID),
            b"arn" => Text(field::SESSION_ISSUER_ARN),
            b"accountId" => Text(field::SESSION_ISSUER_ACCOUNT_ID),
            b"userName" => Text(field::SESSION_ISSUER_USER_NAME),
            _ => Unknown,
        }),
        b"webIdFederationData" => Object(field::WEB_ID_FEDERATED_PROVIDER, |name| match name {
            b"federatedProvider" => Text(field::WEB_ID_FEDERATED_PROVIDER),
            b"attributes" => Json(field::WEB_ID_ATTRIBUTES),
            _ => Unknown,
        }),
        b"attributes" => Object(field::SESSION_CREATION_DATE, |name| match name {
            b"creationDate" => Text(field::SESSION_CREATION_DATE),
            b"mfaAuthenticated" => Text(field::SESSION_MFA_AUTHENTICATED),
            _ => Unknown,
        }),
        b"assumedRoot" => Text(field::SESSION_ASSUMED_ROOT),
        b"sourceIdentity" => Text(field::SESSION_SOURCE_IDENTITY),
        b"ec2RoleDelivery" => Text(field::SESSION_EC2_ROLE_DELIVERY),
        b"signInSessionArn" => Text(field::SESSION_SIGN_IN_SESSION_ARN),
        _ => Unknown,
    }
}

fn request_parameters(name: &[u8]) -> Member {
    match name {
        b"bucketName" => FirstText(field::S3_BUCKET),
        b"Bucket" => Otherwise(field::S3_BUCKET),
        b"key" => FirstText(field::S3_KEY),
        b"Key" => Otherwise(field::S3_KEY),
        b"versionId" => FirstText(field::S3_VERSION_ID),
        b"x-amz-copy-source" => FirstText(field::S3_COPY_SOURCE),
        b"x-amz-server-side-encryption-aws-kms-key-id" => FirstText(S3_KMS_KEY_ASKED),
        b"keyId" => Text(KMS_KEY_ASKED),
        b"encryptionContext" => Object(field::ENCRYPTION_CONTEXT_ARN, |name| match name {
            b"aws:s3:arn" => Text(field::ENCRYPTION_CONTEXT_ARN),
            _ => Unknown,
        }),
        _ => Unknown,
    }
}

fn response_elements(name: &[u8]) -> Member {
    match name {
        b"x-amz-server-side-encryption-aws-kms-key-id" => FirstText(S3_KMS_KEY_USED),
        _ => Unknown,
    }
}

fn additional_event_data(name: &[u8]) -> Member {
    match name {
        b"SignatureVersion" => Text(field::S3_SIGNATURE_VERSION),
        b"bytesTransferredIn" => Text(field::S3_BYTES_IN),
        b"SSEApplied" => Text(field::S3_SSE),
        b"AuthenticationMethod" => Text(field::S3_AUTH_METHOD),
        b"x-amz-id-2" => Text(field::HOST_ID),
        b"xAmzId2" => Otherwise(field::HOST_ID),
        b"bytesTransferredOut" => Text(field::S3_BYTES_OUT),
        b"aclRequired" => Text(field::S3_ACL_REQUIRED),
        _ => Unknown,
    }
}

fn tls_details(name: &[u8]) -> Member {
    match name {
        b"tlsVersion" => Text(field::TLS_VERSION),
        b"cipherSuite" => Text(field::TLS_CIPHER_SUITE),
        b"clientProvidedHostHeader" => Text(field::TLS_CLIENT_PROVIDED_HOST_HEADER),
        b"keyExchange" => Text(field::TLS_KEY_EXCHANGE),
        _ => Unknown,
    }
}
