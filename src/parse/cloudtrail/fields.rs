//! The fields of a record by number, and what can be unusual about it.

use crate::parse::numbered;

numbered::fields! {
    /// The fields of the table; a field's position is its number. The names are those of our columns, those of
    /// `user_identity` and `tls_details` with their path.
    FIELDS {
        /// As logged; [`crate::parse::Row::event_time_ms`] is the instant.
        EVENT_TIME "event_time"
        /// `eventID`, or `eventId` of aggregated events.
        EVENT_ID "event_id"
        EVENT_VERSION "event_version"
        EVENT_SOURCE "event_source"
        EVENT_NAME "event_name"
        EVENT_TYPE "event_type"
        EVENT_CATEGORY "event_category"
        MANAGEMENT_EVENT "management_event"
        READ_ONLY "read_only"
        ERROR_CODE "error_code"
        ERROR_MESSAGE "error_message"
        /// An address, the DNS name of a service, or `AWS Internal`.
        SOURCE_IP_ADDRESS "source_ip_address"
        USER_AGENT "user_agent"
        REQUEST_ID "request_id"
        /// `x-amz-id-2` of S3, in `additionalEventData`.
        HOST_ID "host_id"
        /// `sharedEventID`, or `sharedEventId`.
        SHARED_EVENT_ID "shared_event_id"
        AWS_REGION "aws_region"
        /// `recipientAccountId`, or `accountId` of aggregated events.
        RECIPIENT_ACCOUNT_ID "recipient_account_id"
        VPC_ENDPOINT_ID "vpc_endpoint_id"
        VPC_ENDPOINT_ACCOUNT_ID "vpc_endpoint_account_id"
        API_VERSION "api_version"
        /// The ARN in `userIdentity`.
        PRINCIPAL_ARN "principal_arn"
        /// The account in `userIdentity`, also `anonymous`.
        PRINCIPAL_ACCOUNT_ID "principal_account_id"
        /// The access key in `userIdentity`; null where it is empty.
        ACCESS_KEY_ID "access_key_id"
        /// `invokedBy` in `userIdentity`.
        INVOKED_BY "invoked_by"
        USER_IDENTITY_TYPE "user_identity.type"
        USER_IDENTITY_USER_NAME "user_identity.user_name"
        USER_IDENTITY_PRINCIPAL_ID "user_identity.principal_id"
        USER_IDENTITY_ARN "user_identity.arn"
        USER_IDENTITY_ACCOUNT_ID "user_identity.account_id"
        USER_IDENTITY_ACCESS_KEY_ID "user_identity.access_key_id"
        USER_IDENTITY_INVOKED_BY "user_identity.invoked_by"
        DELEGATE_ACCOUNT_ID "user_identity.invoked_by_delegate.account_id"
        ON_BEHALF_OF_USER_ID "user_identity.on_behalf_of.user_id"
        ON_BEHALF_OF_IDENTITY_STORE_ARN "user_identity.on_behalf_of.identity_store_arn"
        IN_SCOPE_OF_SOURCE_ARN "user_identity.in_scope_of.source_arn"
        IN_SCOPE_OF_SOURCE_ACCOUNT "user_identity.in_scope_of.source_account"
        IN_SCOPE_OF_ISSUER_TYPE "user_identity.in_scope_of.issuer_type"
        IN_SCOPE_OF_CREDENTIALS_ISSUED_TO "user_identity.in_scope_of.credentials_issued_to"
        CREDENTIAL_ID "user_identity.credential_id"
        IDENTITY_PROVIDER "user_identity.identity_provider"
        SESSION_ISSUER_TYPE "user_identity.session_context.session_issuer.type"
        SESSION_ISSUER_PRINCIPAL_ID "user_identity.session_context.session_issuer.principal_id"
        SESSION_ISSUER_ARN "user_identity.session_context.session_issuer.arn"
        SESSION_ISSUER_ACCOUNT_ID "user_identity.session_context.session_issuer.account_id"
        SESSION_ISSUER_USER_NAME "user_identity.session_context.session_issuer.user_name"
        WEB_ID_FEDERATED_PROVIDER "user_identity.session_context.web_id_federation_data.federated_provider"
        /// JSON.
        WEB_ID_ATTRIBUTES "user_identity.session_context.web_id_federation_data.attributes"
        SESSION_CREATION_DATE "user_identity.session_context.attributes.creation_date"
        SESSION_MFA_AUTHENTICATED "user_identity.session_context.attributes.mfa_authenticated"
        SESSION_ASSUMED_ROOT "user_identity.session_context.assumed_root"
        SESSION_SOURCE_IDENTITY "user_identity.session_context.source_identity"
        SESSION_EC2_ROLE_DELIVERY "user_identity.session_context.ec2_role_delivery"
        SESSION_SIGN_IN_SESSION_ARN "user_identity.session_context.sign_in_session_arn"
        /// Of S3's parameters; like all fields named `s3_` null where another service sent the event, since others use
        /// the same names for other things.
        S3_BUCKET "s3_bucket"
        /// The key itself, not URL-encoded.
        S3_KEY "s3_key"
        S3_VERSION_ID "s3_version_id"
        S3_COPY_SOURCE "s3_copy_source"
        S3_SSE "s3_sse"
        S3_BYTES_IN "s3_bytes_in"
        S3_BYTES_OUT "s3_bytes_out"
        S3_AUTH_METHOD "s3_auth_method"
        S3_SIGNATURE_VERSION "s3_signature_version"
        S3_ACL_REQUIRED "s3_acl_required"
        /// KMS: the first key among `resources`, else the key asked for (id, alias or ARN). S3: the key that encrypted
        /// the object, else the one asked for. Null for other services.
        KMS_KEY_ARN "kms_key_arn"
        TLS_VERSION "tls_details.tls_version"
        TLS_CIPHER_SUITE "tls_details.cipher_suite"
        TLS_CLIENT_PROVIDED_HOST_HEADER "tls_details.client_provided_host_header"
        TLS_KEY_EXCHANGE "tls_details.key_exchange"
        /// The JSON array; see [`for_each_resource`](crate::parse::cloudtrail::for_each_resource).
        RESOURCES "resources"
        /// JSON, like the six behind it; text where the record holds a string.
        REQUEST_PARAMETERS "request_parameters"
        RESPONSE_ELEMENTS "response_elements"
        ADDITIONAL_EVENT_DATA "additional_event_data"
        SERVICE_EVENT_DETAILS "service_event_details"
        INSIGHT_DETAILS "insight_details"
        ADDENDUM "addendum"
        EDGE_DEVICE_DETAILS "edge_device_details"
        SESSION_CREDENTIAL_FROM_CONSOLE "session_credential_from_console"
        /// A JSON object of the members that no other field holds; null if there are none.
        OTHER_FIELDS "other_fields"
        /// No column, for detectors: which object, or with bucket keys which bucket, S3 asked KMS for.
        ENCRYPTION_CONTEXT_ARN "encryption_context_arn"
    }
    DERIVED {}
}

numbered::flags! {
    /// What was unusual about a record; bit `n` of [`crate::parse::Row::flags`] is `FLAGS[n]`.
    FLAGS {
        /// No `eventTime`: insights and aggregated events have none.
        MISSING_EVENT_TIME "missing_event_time"
        /// `eventTime` is no instant.
        BAD_EVENT_TIME "bad_event_time"
        /// No `eventName`.
        MISSING_EVENT_NAME "missing_event_name"
        /// An insight or an aggregate: it tells of calls and is none, so it must not be counted as one.
        NOT_AN_API_CALL "not_an_api_call"
        /// A member stands twice; the last one counts.
        DUPLICATE_MEMBER "duplicate_member"
        /// A member is an object or array where text was expected, and its JSON is the field; or it is no object or
        /// array where one was expected, and it is in `other_fields`.
        UNEXPECTED_TYPE "unexpected_type"
    }
}
