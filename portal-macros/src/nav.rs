//! The key `nav`: the entry of a page or a model in the navigation.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::LitStr;

use crate::errors::Errors;
use crate::keys::Keys;
use crate::paths::{Paths, located_at};

const KEYS: &[&str] = &["label", "icon", "order", "group"];

/// Entry in the navigation.
pub(crate) struct NavAttribute {
    pub(crate) span: Span,
    pub(crate) label: Option<LitStr>,
    icon: Option<LitStr>,
    order: Option<i32>,
    group: Option<LitStr>,
}

impl NavAttribute {
    pub(crate) fn take(keys: &mut Keys, errors: &mut Errors) -> Option<Self> {
        let key = keys.take("nav")?;
        if !key.is_list() && !key.flag(errors)?.is_set {
            return None;
        }
        let mut inner = key.nested(KEYS, errors);
        Some(Self {
            span: key.name.span(),
            label: inner.take_string("label", errors),
            icon: inner.take_string("icon", errors),
            order: inner.take("order").and_then(|key| key.integer(errors)),
            group: inner.take_string("group", errors),
        })
    }

    /// Generates the `NavItem`. The title is the label unless another one is given.
    pub(crate) fn item(&self, title: &str, paths: &Paths) -> TokenStream {
        let (krate, private) = (paths.krate(), paths.private());
        let label = self.label.as_ref();
        let label = label.map_or_else(|| title.to_owned(), LitStr::value);
        let mut item = quote!(#krate::NavItem::new(#label));
        let order = |order| Literal::i32_unsuffixed(order).into_token_stream();
        let given = [
            (
                "icon",
                self.icon.as_ref().map(|icon| icon_name(icon, &private)),
            ),
            ("order", self.order.map(order)),
            ("group", self.group.as_ref().map(ToTokens::to_token_stream)),
        ];
        for (setting, value) in given {
            if let Some(value) = value {
                let setting = Ident::new(setting, Span::call_site());
                item.extend(quote!(.#setting(#value)));
            }
        }
        item
    }
}

/// Generates the name of an icon, checked at compile time.
fn icon_name(icon: &LitStr, private: &TokenStream) -> TokenStream {
    let span = located_at(icon.span());
    let check = quote_spanned!(span=> const _: () = #private::require_icon(#icon););
    quote!({ #check #icon })
}
