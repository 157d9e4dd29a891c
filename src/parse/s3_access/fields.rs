//! The fields of a line by number, and what can be unusual about it.

use crate::parse::numbered;

numbered::fields! {
    /// The logged fields in AWS's order; a field's position is its number. The names are those of our columns.
    FIELDS {
        BUCKET_OWNER "bucket_owner"
        BUCKET_NAME "bucket_name"
        EVENT_TIME "event_time"
        REMOTE_IP "remote_ip"
        REQUESTER "requester"
        REQUEST_ID "request_id"
        OPERATION "operation"
        OBJECT_KEY_RAW "object_key_raw"
        REQUEST_URI "request_uri"
        HTTP_STATUS "http_status"
        ERROR_CODE "error_code"
        BYTES_SENT "bytes_sent"
        OBJECT_SIZE "object_size"
        TOTAL_TIME_MS "total_time_ms"
        TURN_AROUND_TIME_MS "turn_around_time_ms"
        REFERER "referer"
        USER_AGENT "user_agent"
        VERSION_ID "version_id"
        HOST_ID "host_id"
        SIGNATURE_VERSION "signature_version"
        CIPHER_SUITE "cipher_suite"
        AUTH_TYPE "auth_type"
        HOST_HEADER "host_header"
        TLS_VERSION "tls_version"
        ACCESS_POINT_ARN "access_point_arn"
        ACL_REQUIRED "acl_required"
        SOURCE_REGION "source_region"
    }
    DERIVED {
        /// What stands behind the 27th field, as logged; of JSON the members that no field holds, with their names.
        EXTRA_FIELDS
        /// The decoded key.
        OBJECT_KEY
    }
}

numbered::flags! {
    /// What was unusual about a line; bit `n` of [`Row::flags`](crate::parse::Row::flags) is `FLAGS[n]`.
    /// `extra_fields` is shown with its count.
    FLAGS {
        REQUESTER_SPACES "requester_spaces"
        QUOTE_IN_URI "quote_in_uri"
        BARE_URI "bare_uri"
        QUOTE_IN_REF_UA "quote_in_ref_ua"
        AMBIGUOUS_REF_UA "ambiguous_ref_ua"
        BARE_REF_UA "bare_ref_ua"
        STRAY_PRINCIPAL "stray_principal_before_hostid"
        EXTRA_FIELDS "extra_fields"
        BAD_EVENT_TIME "bad_event_time"
        /// A number that does not fit into 64 bits; its column is null.
        BAD_NUMBER "bad_number"
        /// JSON only: a member stands twice; the last one counts.
        DUPLICATE_MEMBER "duplicate_member"
        /// JSON only: a member is of another type than AWS says, and is the field as it stands.
        UNEXPECTED_TYPE "unexpected_type"
    }
}
