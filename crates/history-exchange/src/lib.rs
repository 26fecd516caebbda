//! history-exchange
