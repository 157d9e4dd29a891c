//! Which member of which object becomes which field.

use super::field;
use crate::parse::json::{Cursor, JsonError, KnownName};

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
    Object(usize, &'static Table),
    /// The same, and kept as JSON text.
    JsonObject(usize, &'static Table),
    /// Not a field.
    Unknown,
}

/// The members of one kind of object, in the order in which AWS writes them. Tables lie in one another four deep at
/// most.
pub(super) struct Table {
    /// Position among the tables.
    id: usize,
    members: &'static [(KnownName, Member)],
}

/// Which member comes behind which: AWS writes them in the same order in most records, so that a name need only be
/// compared with the one that came there before.
pub(super) struct Order {
    /// For each table, for its begin and for each of its members: which two came next lately, the last one first.
    next: [[[u8; 2]; WIDEST + 1]; TABLES],
}

/// Members are counted in a byte.
const _: () = assert!(WIDEST < u8::MAX as usize);

impl Order {
    /// The order of the tables.
    pub(super) fn new() -> Order {
        let next = std::array::from_fn(|place| [place.min(WIDEST - 1) as u8; 2]);
        Order { next: [next; TABLES] }
    }

    /// Takes the name of the next member and its colon. `place` is 0 at the begin of an object and belongs to this.
    #[inline(always)]
    pub(super) fn member(
        &mut self,
        cursor: &mut Cursor<'_>,
        table: &'static Table,
        place: &mut usize,
    ) -> Result<Member, JsonError> {
        let [first, second] = self.next[table.id][*place];
        if let Some((known, member)) = table.members.get(first as usize)
            && cursor.name_is(known)
        {
            *place = first as usize + 1;
            return Ok(*member);
        }
        if let Some((known, member)) = table.members.get(second as usize)
            && cursor.name_is(known)
        {
            self.next[table.id][*place] = [second, first];
            *place = second as usize + 1;
            return Ok(*member);
        }
        self.unexpected(cursor, table, place)
    }

    #[inline(never)]
    fn unexpected(
        &mut self,
        cursor: &mut Cursor<'_>,
        table: &'static Table,
        place: &mut usize,
    ) -> Result<Member, JsonError> {
        let name = cursor.key()?.name();
        let Some(found) = table.members.iter().position(|(known, _)| *known.name().as_bytes() == *name) else {
            return Ok(Member::Unknown);
        };
        let next = &mut self.next[table.id][*place];
        *next = [found as u8, next[0]];
        *place = found + 1;
        Ok(table.members[found].1)
    }
}

/// Fields that end where the record ends: parts of [`field::KMS_KEY_ARN`], decided when all is known.
pub(super) const KMS_KEY_ASKED: usize = field::WIDTH;
pub(super) const S3_KMS_KEY_USED: usize = field::WIDTH + 1;
pub(super) const S3_KMS_KEY_ASKED: usize = field::WIDTH + 2;
/// Fields of a record in the making.
pub(super) const WORKING_WIDTH: usize = field::WIDTH + 3;

use Member::{Array, FirstText, Json, JsonObject, Object, Otherwise, Text, Unknown};

/// Tables in one list, so that each has a number.
macro_rules! tables {
    ($($(#[$about:meta])* $table:ident { $($name:literal => $member:expr,)* })*) => {
        #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
        enum Number { $($table,)* Tables }

        $($(#[$about])* pub(super) static $table: Table = Table {
            id: Number::$table as usize,
            members: &[$((KnownName::new($name), $member),)*],
        };)*

        const TABLES: usize = Number::Tables as usize;

        /// Members of the largest table.
        const WIDEST: usize = {
            let sizes = [$([$($name),*].len()),*];
            let (mut widest, mut at) = (0, 0);
            while at < sizes.len() {
                widest = if sizes[at] > widest { sizes[at] } else { widest };
                at += 1;
            }
            widest
        };
    };
}

tables! {
    /// The members of a record.
    RECORD {
        "eventVersion" => Text(field::EVENT_VERSION),
        "userIdentity" => Object(field::USER_IDENTITY_TYPE, &USER_IDENTITY),
        "eventTime" => Text(field::EVENT_TIME),
        "eventSource" => Text(field::EVENT_SOURCE),
        "eventName" => Text(field::EVENT_NAME),
        "awsRegion" => Text(field::AWS_REGION),
        "sourceIPAddress" => Text(field::SOURCE_IP_ADDRESS),
        "userAgent" => Text(field::USER_AGENT),
        "errorCode" => Text(field::ERROR_CODE),
        "errorMessage" => Text(field::ERROR_MESSAGE),
        "requestParameters" => JsonObject(field::REQUEST_PARAMETERS, &REQUEST_PARAMETERS),
        "responseElements" => JsonObject(field::RESPONSE_ELEMENTS, &RESPONSE_ELEMENTS),
        "additionalEventData" => JsonObject(field::ADDITIONAL_EVENT_DATA, &ADDITIONAL_EVENT_DATA),
        "requestID" => Text(field::REQUEST_ID),
        "eventID" => Text(field::EVENT_ID),
        "readOnly" => Text(field::READ_ONLY),
        "resources" => Array(field::RESOURCES),
        "eventType" => Text(field::EVENT_TYPE),
        "managementEvent" => Text(field::MANAGEMENT_EVENT),
        "recipientAccountId" => Text(field::RECIPIENT_ACCOUNT_ID),
        "eventCategory" => Text(field::EVENT_CATEGORY),
        "tlsDetails" => Object(field::TLS_VERSION, &TLS_DETAILS),
        "apiVersion" => Text(field::API_VERSION),
        "sharedEventID" => Text(field::SHARED_EVENT_ID),
        "vpcEndpointId" => Text(field::VPC_ENDPOINT_ID),
        "vpcEndpointAccountId" => Text(field::VPC_ENDPOINT_ACCOUNT_ID),
        "sessionCredentialFromConsole" => Json(field::SESSION_CREDENTIAL_FROM_CONSOLE),
        "serviceEventDetails" => Json(field::SERVICE_EVENT_DETAILS),
        "insightDetails" => Json(field::INSIGHT_DETAILS),
        "addendum" => Json(field::ADDENDUM),
        "edgeDeviceDetails" => Json(field::EDGE_DEVICE_DETAILS),
        "eventId" => Otherwise(field::EVENT_ID),
        "sharedEventId" => Otherwise(field::SHARED_EVENT_ID),
        "accountId" => Otherwise(field::RECIPIENT_ACCOUNT_ID),
    }
    USER_IDENTITY {
        "type" => Text(field::USER_IDENTITY_TYPE),
        "principalId" => Text(field::USER_IDENTITY_PRINCIPAL_ID),
        "arn" => Text(field::USER_IDENTITY_ARN),
        "accountId" => Text(field::USER_IDENTITY_ACCOUNT_ID),
        "accessKeyId" => Text(field::USER_IDENTITY_ACCESS_KEY_ID),
        "userName" => Text(field::USER_IDENTITY_USER_NAME),
        "invokedBy" => Text(field::USER_IDENTITY_INVOKED_BY),
        "sessionContext" => Object(field::SESSION_ISSUER_TYPE, &SESSION_CONTEXT),
        "invokedByDelegate" => Object(field::DELEGATE_ACCOUNT_ID, &DELEGATE),
        "onBehalfOf" => Object(field::ON_BEHALF_OF_USER_ID, &ON_BEHALF_OF),
        "inScopeOf" => Object(field::IN_SCOPE_OF_SOURCE_ARN, &IN_SCOPE_OF),
        "credentialId" => Text(field::CREDENTIAL_ID),
        "identityProvider" => Text(field::IDENTITY_PROVIDER),
    }
    SESSION_CONTEXT {
        "sessionIssuer" => Object(field::SESSION_ISSUER_TYPE, &SESSION_ISSUER),
        "webIdFederationData" => Object(field::WEB_ID_FEDERATED_PROVIDER, &WEB_ID_FEDERATION),
        "attributes" => Object(field::SESSION_CREATION_DATE, &SESSION_ATTRIBUTES),
        "assumedRoot" => Text(field::SESSION_ASSUMED_ROOT),
        "sourceIdentity" => Text(field::SESSION_SOURCE_IDENTITY),
        "ec2RoleDelivery" => Text(field::SESSION_EC2_ROLE_DELIVERY),
        "signInSessionArn" => Text(field::SESSION_SIGN_IN_SESSION_ARN),
    }
    REQUEST_PARAMETERS {
        "bucketName" => FirstText(field::S3_BUCKET),
        "Bucket" => Otherwise(field::S3_BUCKET),
        "Host" => Unknown,
        "key" => FirstText(field::S3_KEY),
        "Key" => Otherwise(field::S3_KEY),
        "versionId" => FirstText(field::S3_VERSION_ID),
        "x-amz-copy-source" => FirstText(field::S3_COPY_SOURCE),
        "x-amz-server-side-encryption-aws-kms-key-id" => FirstText(S3_KMS_KEY_ASKED),
        "keyId" => Text(KMS_KEY_ASKED),
        "encryptionContext" => Object(field::ENCRYPTION_CONTEXT_ARN, &ENCRYPTION_CONTEXT),
    }
    RESPONSE_ELEMENTS {
        "x-amz-server-side-encryption-aws-kms-key-id" => FirstText(S3_KMS_KEY_USED),
    }
    ADDITIONAL_EVENT_DATA {
        "SignatureVersion" => Text(field::S3_SIGNATURE_VERSION),
        "CipherSuite" => Unknown,
        "bytesTransferredIn" => Text(field::S3_BYTES_IN),
        "SSEApplied" => Text(field::S3_SSE),
        "AuthenticationMethod" => Text(field::S3_AUTH_METHOD),
        "x-amz-id-2" => Text(field::HOST_ID),
        "xAmzId2" => Otherwise(field::HOST_ID),
        "bytesTransferredOut" => Text(field::S3_BYTES_OUT),
        "aclRequired" => Text(field::S3_ACL_REQUIRED),
    }
    TLS_DETAILS {
        "tlsVersion" => Text(field::TLS_VERSION),
        "cipherSuite" => Text(field::TLS_CIPHER_SUITE),
        "clientProvidedHostHeader" => Text(field::TLS_CLIENT_PROVIDED_HOST_HEADER),
        "keyExchange" => Text(field::TLS_KEY_EXCHANGE),
    }
    DELEGATE {
        "accountId" => Text(field::DELEGATE_ACCOUNT_ID),
    }
    ON_BEHALF_OF {
        "userId" => Text(field::ON_BEHALF_OF_USER_ID),
        "identityStoreArn" => Text(field::ON_BEHALF_OF_IDENTITY_STORE_ARN),
    }
    IN_SCOPE_OF {
        "sourceArn" => Text(field::IN_SCOPE_OF_SOURCE_ARN),
        "sourceAccount" => Text(field::IN_SCOPE_OF_SOURCE_ACCOUNT),
        "issuerType" => Text(field::IN_SCOPE_OF_ISSUER_TYPE),
        "credentialsIssuedTo" => Text(field::IN_SCOPE_OF_CREDENTIALS_ISSUED_TO),
    }
    SESSION_ISSUER {
        "type" => Text(field::SESSION_ISSUER_TYPE),
        "principalId" => Text(field::SESSION_ISSUER_PRINCIPAL_ID),
        "arn" => Text(field::SESSION_ISSUER_ARN),
        "accountId" => Text(field::SESSION_ISSUER_ACCOUNT_ID),
        "userName" => Text(field::SESSION_ISSUER_USER_NAME),
    }
    WEB_ID_FEDERATION {
        "federatedProvider" => Text(field::WEB_ID_FEDERATED_PROVIDER),
        "attributes" => Json(field::WEB_ID_ATTRIBUTES),
    }
    SESSION_ATTRIBUTES {
        "creationDate" => Text(field::SESSION_CREATION_DATE),
        "mfaAuthenticated" => Text(field::SESSION_MFA_AUTHENTICATED),
    }
    ENCRYPTION_CONTEXT {
        "aws:s3:arn" => Text(field::ENCRYPTION_CONTEXT_ARN),
    }
}
