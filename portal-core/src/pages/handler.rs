//! Page handlers: async functions whose arguments are extractors.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::IntoResponse;

use super::into_page::{IntoPage, PageResponse};
use crate::error::Problem;
use crate::state::PortalState;

pub(crate) type PageFuture = Pin<Box<dyn Future<Output = PageResponse> + Send>>;
/// Type-erased handler.
pub(crate) type Respond = Arc<dyn Fn(PortalState, Request) -> PageFuture + Send + Sync>;

/// Async function that handles requests for a page built by hand.
///
/// Implemented for functions and closures with up to eight arguments. The arguments are extractors,
/// as in [`#[page]`](crate::page): `State<PortalState>`, `CurrentUser`, `Data<T>`, `Path<T>`,
/// `Query<T>`. Only the last one may read the body, such as `Form<T>` or `Request`. A rejected
/// request gets an error page. The type parameter `M` only serves to distinguish the
/// implementations.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a page handler",
    label = "not a page handler",
    note = "write an `async fn` whose arguments are extractors and which returns a page (`IntoPage`); only the last argument may read the body",
    note = "`#[page]` names the argument that is not an extractor"
)]
pub trait PageHandler<M>: Clone + Send + Sync + 'static {
    /// Extracts the arguments, calls the function and converts the result.
    #[doc(hidden)]
    fn respond(&self, state: PortalState, request: Request) -> PageFuture;
}

impl<H, F> PageHandler<()> for H
where
    H: Fn() -> F + Clone + Send + Sync + 'static,
    F: Future<Output: IntoPage> + Send + 'static,
{
    fn respond(&self, _: PortalState, _: Request) -> PageFuture {
        let page = self();
        Box::pin(async move { page.await.into_page() })
    }
}

macro_rules! implement_page_handler {
    ($($argument:ident)*; $last:ident) => {
        #[diagnostic::do_not_recommend]
        #[allow(non_snake_case)]
        impl<H, F, M, $($argument,)* $last> PageHandler<(M, $($argument,)* $last)> for H
        where
            H: Fn($($argument,)* $last) -> F + Clone + Send + Sync + 'static,
            F: Future<Output: IntoPage> + Send + 'static,
            M: 'static,
            $($argument: FromRequestParts<PortalState> + Send + 'static,)*
            $last: FromRequest<PortalState, M> + Send + 'static,
        {
            fn respond(&self, state: PortalState, request: Request) -> PageFuture {
                let handler = self.clone();
                Box::pin(async move {
                    #[allow(unused_mut)]
                    let (mut parts, body) = request.into_parts();
                    $(
                        let $argument = match $argument::from_request_parts(&mut parts, &state).await {
                            Ok(value) => value,
                            Err(rejection) => return rejected(rejection),
                        };
                    )*
                    let request = Request::from_parts(parts, body);
                    let $last = match $last::from_request(request, &state).await {
                        Ok(value) => value,
                        Err(rejection) => return rejected(rejection),
                    };
                    handler($($argument,)* $last).await.into_page()
                })
            }
        }
    };
}

implement_page_handler!(; T1);
implement_page_handler!(T1; T2);
implement_page_handler!(T1 T2; T3);
implement_page_handler!(T1 T2 T3; T4);
implement_page_handler!(T1 T2 T3 T4; T5);
implement_page_handler!(T1 T2 T3 T4 T5; T6);
implement_page_handler!(T1 T2 T3 T4 T5 T6; T7);
implement_page_handler!(T1 T2 T3 T4 T5 T6 T7; T8);

/// Converts an extractor's rejection: a bare error into an error page, a response into itself.
pub(crate) fn rejected(rejection: impl IntoResponse) -> PageResponse {
    let mut response = rejection.into_response();
    match Problem::of_response(&mut response) {
        Some(problem) => PageResponse::Error(problem.into()),
        None => response.into_page(),
    }
}
