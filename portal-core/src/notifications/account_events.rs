//! Notifications to users about changes to their accounts.

use std::future::Future;
use std::pin::Pin;

use super::notification::Notification;
use super::service::send_in;
use crate::auth::{UserChanged, UserListener};
use crate::error::Result;
use crate::pages::components::Tone;
use crate::store::Transaction;

/// Notifies users of changes to their accounts by others.
pub(crate) struct AccountNotifier;

impl UserListener for AccountNotifier {
    fn changed<'a>(
        &'a self,
        transaction: &'a mut Transaction,
        change: UserChanged<'a>,
    ) -> Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>> {
        let role = change.role.map(|role| {
            Notification::new(format!("Your role is now {role}"))
                .text("An administrator changed your role.")
                .tone(Tone::Info)
        });
        // A deactivated user could not see a notification, so none is sent.
        let active = change.activated.then(|| {
            Notification::new("Your account is active again")
                .text("An administrator reactivated your account.")
                .tone(Tone::Success)
        });
        let messages = role.into_iter().chain(active);
        let messages: Vec<_> = messages
            .map(|message| (change.id, message.kind("account")))
            .collect();
        Box::pin(async move { Ok(send_in(transaction, messages).await?) })
    }
}
