//! What a user is told of changes to his account.

use std::future::Future;
use std::pin::Pin;

use super::message::Notification;
use super::service::send_in;
use crate::auth::{UserChanged, UserListener};
use crate::error::Result;
use crate::pages::components::Tone;
use crate::store::Transaction;

/// Tells users what others have changed about their accounts.
pub(crate) struct AccountMessages;

impl UserListener for AccountMessages {
    fn changed<'a>(
        &'a self,
        transaction: &'a mut Transaction,
        change: UserChanged<'a>,
    ) -> Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>> {
        let role = change.role.map(|role| {
            Notification::new(format!("Your role is now {role}"))
                .text("An administrator has changed what you may do here.")
                .tone(Tone::Info)
        });
        // Of being shut out he hears when he comes: he cannot see his messages then.
        let active = change.activated.then(|| {
            Notification::new("Your account is active again")
                .text("An administrator has let you in again.")
                .tone(Tone::Success)
        });
        let messages = role.into_iter().chain(active);
        let messages: Vec<_> = messages
            .map(|message| (change.id, message.kind("account")))
            .collect();
        Box::pin(async move { Ok(send_in(transaction, messages).await?) })
    }
}
