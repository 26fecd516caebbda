//! bitrix-client
