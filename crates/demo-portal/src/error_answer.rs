//! Refusals, with the status and words of the vendor's documentation.

use crate::json::Json;

/// An error the portal answers with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) status: u16,
    code: ErrorCode,
    description: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ErrorCode {
    Text(&'static str),
    /// Some methods give the number 0 for want of a code.
    Zero,
}

impl ApiError {
    fn new(status: u16, code: &'static str, description: impl Into<String>) -> Self {
        Self {
            status,
            code: ErrorCode::Text(code),
            description: description.into(),
        }
    }

    pub(crate) fn wrong_secret() -> Self {
        Self::new(401, "INVALID_CREDENTIALS", "Invalid request credentials")
    }

    pub(crate) fn no_credentials() -> Self {
        Self::new(401, "NO_AUTH_FOUND", "Wrong authorization data")
    }

    pub(crate) fn no_such_method() -> Self {
        Self::new(404, "ERROR_METHOD_NOT_FOUND", "Method not found!")
    }

    pub(crate) fn too_many_requests() -> Self {
        Self::new(503, "QUERY_LIMIT_EXCEEDED", "Too many requests")
    }

    pub(crate) fn operating_limit() -> Self {
        Self::new(
            429,
            "OPERATION_TIME_LIMIT",
            "Method is blocked due to operation time limit.",
        )
    }

    /// An error of the server, with the status of the part that failed: 500, 502 or 503.
    pub(crate) fn server_error(status: u16) -> Self {
        Self::new(status, "INTERNAL_SERVER_ERROR", "Internal server error")
    }

    pub(crate) fn unexpected_answer() -> Self {
        Self::new(
            500,
            "ERROR_UNEXPECTED_ANSWER",
            "Server returned an unexpected response",
        )
    }

    pub(crate) fn batch_too_long() -> Self {
        Self::new(400, "ERROR_BATCH_LENGTH_EXCEEDED", "Max batch length exceeded")
    }

    pub(crate) fn not_in_batch() -> Self {
        Self::new(
            405,
            "ERROR_BATCH_METHOD_NOT_ALLOWED",
            "Method is not allowed for batch usage",
        )
    }

    pub(crate) fn missing_parameter(name: &str) -> Self {
        Self::new(
            400,
            "100",
            format!("Could not find value for parameter {{{name}}}"),
        )
    }

    pub(crate) fn entity_type() -> Self {
        Self::new(400, "ENTITY_TYPE_NOT_SUPPORTED", "Entity type is not supported")
    }

    pub(crate) fn access_denied() -> Self {
        Self::new(403, "ACCESS_DENIED", "Access denied")
    }

    pub(crate) fn item_not_found() -> Self {
        Self::new(400, "NOT_FOUND", "Element not found")
    }

    /// The older methods give an empty code.
    pub(crate) fn deal_not_found() -> Self {
        Self::new(400, "", "Not found")
    }

    pub(crate) fn deal_id_invalid() -> Self {
        Self::new(400, "", "ID is not defined or invalid.")
    }

    pub(crate) fn not_allowed_in(clause: &str, field: &str) -> Self {
        let text = format!("Invalid {clause}: field '{field}' is not allowed in {clause}");
        Self::new(400, "INVALID_ARG_VALUE", text)
    }

    pub(crate) fn unknown_field(field: &str) -> Self {
        let description = format!("Unknown field definition `{field}` ({field}) for the entity.");
        Self {
            status: 400,
            code: ErrorCode::Zero,
            description,
        }
    }

    /// Writes the two members of the error.
    pub(crate) fn write(&self, json: &mut Json) {
        json.raw("{\"error\":");
        match self.code {
            ErrorCode::Text(code) => json.string(code),
            ErrorCode::Zero => json.integer(0),
        }
        json.key("error_description");
        json.string(&self.description);
        json.raw("}");
    }

    pub(crate) fn into_json(self) -> Vec<u8> {
        let mut json = Json::with_capacity(128);
        self.write(&mut json);
        json.into_bytes()
    }
}
