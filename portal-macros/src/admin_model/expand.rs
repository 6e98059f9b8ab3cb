//! Code generated for a model.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;

use crate::paths::{located_at, respan};

use super::columns;
use super::field::ModelField;
use super::model::Model;

/// Generates the `impl AdminModel` and its registration.
pub(crate) fn expand(model: &Model) -> TokenStream {
    let (krate, private) = (
        model.attribute.paths.krate(),
        model.attribute.paths.private(),
    );
    let (ident, cfg_attributes) = (&model.ident, &model.cfg_attributes);
    let handles = handles(model);
    let names = names(model);
    let options = options(model);
    let table = table(model);
    let specs = model
        .shown_fields()
        .enumerate()
        .map(|(position, field)| field_spec(position, field, krate));
    let to_values = to_values(model);
    let from_values = from_values(model);
    let from_row = from_row(model);
    let validate = validate(model);
    let policy = policy(model);
    let computed = computed(model);
    let hooks = hooks(model);
    let columns = columns::expand(model);
    let nav = nav(model);
    let children = children(model);
    quote! {
        #columns
        #(#cfg_attributes)*
        #[allow(deprecated)]
        const _: () = {
            #handles
            impl #krate::AdminModel for #ident {
                #names
                const OPTIONS: #krate::ModelOptions = #options;
                const FIELDS: &'static [#krate::FieldSpec] = &[#(#specs),*];
                #table
                #policy
                #computed
                #children
                #nav
                #to_values
                #from_values
                #from_row
                #validate
                #hooks
            }
            #private::inventory::submit! { #private::ModelEntry::of::<#ident>() }
        };
    }
}

/// Generates an empty implementation, for a model with errors.
pub(crate) fn stub(model: &Model) -> TokenStream {
    if model.has_generics {
        return TokenStream::new();
    }
    let (krate, private) = (
        model.attribute.paths.krate(),
        model.attribute.paths.private(),
    );
    let (ident, cfg_attributes) = (&model.ident, &model.cfg_attributes);
    let names = names(model);
    let columns = columns::expand(model);
    quote! {
        #columns
        #(#cfg_attributes)*
        impl #krate::AdminModel for #ident {
            #names
            const OPTIONS: #krate::ModelOptions =
                #krate::ModelOptions { list: &[], search: &[], order_by: &[], read_only: false };
            const FIELDS: &'static [#krate::FieldSpec] = &[];
            fn to_values(&self) -> #private::Vec<#private::Value> {
                ::core::unreachable!()
            }
            fn from_values(_: #private::FieldValues) -> #private::Result<Self, #private::Vec<#krate::FieldError>> {
                ::core::unreachable!()
            }
        }
    }
}

fn names(model: &Model) -> TokenStream {
    let (krate, private) = (
        model.attribute.paths.krate(),
        model.attribute.paths.private(),
    );
    let ident = &model.ident;
    let (name, title, plural) = (model.name(), model.title(), model.plural());
    let description = &model.description;
    quote! {
        const SOURCE: #krate::Source = #private::source!(#ident);
        const NAME: &'static str = #name;
        const TITLE: &'static str = #title;
        const PLURAL: &'static str = #plural;
        const DESCRIPTION: &'static str = #description;
    }
}

fn options(model: &Model) -> TokenStream {
    let krate = model.attribute.paths.krate();
    let list = model.attribute.list.iter().map(crate::names::plain);
    let search = model.attribute.search.iter().map(crate::names::plain);
    let order_by = model.attribute.order_by.iter().map(|order| {
        let (field, is_descending) = (crate::names::plain(&order.field), order.is_descending);
        quote!((#field, #is_descending))
    });
    let is_read_only = model.attribute.is_read_only;
    quote! {
        #krate::ModelOptions {
            list: &[#(#list),*],
            search: &[#(#search),*],
            order_by: &[#(#order_by),*],
            read_only: #is_read_only,
        }
    }
}

/// Generates the options of the table, unless they are the default.
fn table(model: &Model) -> Option<TokenStream> {
    let krate = model.attribute.paths.krate();
    let keys = &model.attribute.table;
    let mut options = TokenStream::new();
    if !keys.is_managed {
        options.extend(quote!(.unmanaged()));
    }
    if let Some(version) = &keys.version {
        options.extend(quote!(.version(#version)));
    }
    if let Some(old) = &keys.renamed_from {
        options.extend(quote!(.renamed_from(#old)));
    }
    for (method, lists) in [("unique", &keys.unique), ("index", &keys.index)] {
        if lists.is_empty() {
            continue;
        }
        let method = format_ident!("{method}");
        let lists = lists.iter().map(|list| {
            let names = list.iter().map(crate::names::plain);
            quote!(&[#(#names),*])
        });
        options.extend(quote!(.#method(&[#(#lists),*])));
    }
    (!options.is_empty()).then(|| {
        quote! {
            const TABLE: #krate::admin::TableOptions = #krate::admin::TableOptions::new()#options;
        }
    })
}

/// Generates one constant per field, with all code that requires its type to be an `AdminField`.
///
/// Stating the bound in one place yields one error; stating it in each of the three methods would
/// yield three.
fn handles(model: &Model) -> TokenStream {
    let (krate, private) = (
        model.attribute.paths.krate(),
        model.attribute.paths.private(),
    );
    let constants = model.shown_fields().enumerate().map(|(position, field)| {
        let (handle, written, name) = (handle(position), &field.written, field.plain_name());
        let span = located_at(written.span());
        let value = quote_spanned!(span=> __portal_field::<#written>(#name));
        quote!(const #handle: __PortalField<#written> = #value;)
    });
    quote! {
        struct __PortalField<T> {
            spec: #krate::FieldSpec,
            to_value: fn(&T) -> #private::Value,
            take: fn(&mut #private::FieldValues, &'static #krate::FieldSpec) -> #private::Option<T>,
            read: fn(&#private::Row, usize) -> #krate::Result<T>,
        }
        const fn __portal_field<T: #krate::AdminField>(name: &'static str) -> __PortalField<T> {
            __PortalField {
                spec: #krate::FieldSpec::new::<T>(name),
                to_value: |value| <T as #krate::AdminField>::to_value(value),
                take: |values, spec| values.take::<T>(spec),
                read: #private::read_field::<T>,
            }
        }
        #(#constants)*
    }
}

fn handle(position: usize) -> Ident {
    format_ident!("__PORTAL_FIELD_{position}")
}

/// Generates the `FieldSpec` of a field from the given keys.
fn field_spec(position: usize, field: &ModelField, krate: &TokenStream) -> TokenStream {
    let (handle, title) = (handle(position), &field.title);
    let mut spec = quote!(#handle.spec);
    spec.extend(quote!(.title(#title)));
    if let Some(help) = &field.help {
        spec.extend(quote!(.help(#help)));
    }
    let switches = [
        ("primary_key", field.primary_key.is_some()),
        ("unique", field.is_unique),
        ("index", field.is_indexed),
        ("read_only", field.is_read_only),
        ("searchable", field.is_searchable),
    ];
    for (switch, is_set) in switches {
        if is_set {
            let switch = format_ident!("{switch}");
            spec.extend(quote!(.#switch()));
        }
    }
    if !field.choices.is_empty() {
        let choices = &field.choices;
        spec.extend(quote!(.choices(&[#(#choices),*])));
    }
    if let Some(default) = &field.default {
        spec.extend(quote!(.default_text(#default)));
    }
    if let Some(widget) = &field.widget {
        spec.extend(quote!(.widget(#krate::Widget::#widget)));
    }
    if let Some(old) = &field.renamed_from {
        spec.extend(quote!(.renamed_from(#old)));
    }
    if let Some(target) = &field.references {
        let name =
            quote_spanned!(located_at(target.span())=> <#target as #krate::AdminModel>::NAME);
        spec.extend(quote!(.references(#name)));
    }
    if let Some(rule) = &field.on_delete {
        let variant = &rule.variant;
        spec.extend(quote!(.on_delete(#krate::admin::OnDelete::#variant)));
    }
    spec
}

fn to_values(model: &Model) -> TokenStream {
    let private = model.attribute.paths.private();
    let values = model.shown_fields().enumerate().map(|(position, field)| {
        let (handle, name) = (handle(position), &field.name);
        quote!((#handle.to_value)(&self.#name))
    });
    quote! {
        fn to_values(&self) -> #private::Vec<#private::Value> {
            #private::vec![#(#values),*]
        }
    }
}

/// Generates `from_values`, which reads every field before it reports any errors.
fn from_values(model: &Model) -> TokenStream {
    let (krate, private) = (
        model.attribute.paths.krate(),
        model.attribute.paths.private(),
    );
    let locals: Vec<Ident> = model
        .shown_fields()
        .enumerate()
        .map(|(position, _)| format_ident!("field_{position}"))
        .collect();
    let take = locals.iter().enumerate().map(|(position, local)| {
        let handle = handle(position);
        quote!(let #local = (#handle.take)(&mut values, &<Self as #krate::AdminModel>::FIELDS[#position]);)
    });
    let shown = model.shown_fields().zip(&locals).map(|(field, local)| {
        let name = &field.name;
        quote!(#name: #local)
    });
    let skipped = skipped(model);
    quote! {
        fn from_values(mut values: #private::FieldValues) -> #private::Result<Self, #private::Vec<#krate::FieldError>> {
            #(#take)*
            match (#(#locals,)*) {
                (#(#private::Some(#locals),)*) => #private::Ok(Self { #(#shown,)* #(#skipped,)* }),
                _ => #private::Err(values.into_errors()),
            }
        }
    }
}

/// Generates the computed columns. The types of the methods are inferred.
fn computed(model: &Model) -> Option<TokenStream> {
    let (krate, private) = (
        model.attribute.paths.krate(),
        model.attribute.paths.private(),
    );
    if model.attribute.computed.is_empty() {
        return None;
    }
    let fields = model.attribute.computed.iter().map(|method| {
        let name = crate::names::plain(method);
        let title = crate::names::title(&name);
        let span = located_at(method.span());
        // Every token has the span of the method, so that errors underline only its name.
        let field = quote!(#krate::admin::ComputedField::new(#name, Self::#method));
        let field = respan(field, span);
        quote!(#field.title(#title))
    });
    Some(quote! {
        fn computed() -> #private::Vec<#krate::admin::ComputedField<Self>> {
            #private::vec![#(#fields),*]
        }
    })
}

/// Generates `from_row`, which reads every field from its column.
fn from_row(model: &Model) -> TokenStream {
    let (krate, private) = (
        model.attribute.paths.krate(),
        model.attribute.paths.private(),
    );
    let shown = model.shown_fields().enumerate().map(|(position, field)| {
        let (handle, name) = (handle(position), &field.name);
        quote!(#name: (#handle.read)(row, first + #position)?)
    });
    let skipped = skipped(model);
    quote! {
        fn from_row(row: &#private::Row, first: usize) -> #krate::Result<Self> {
            #private::Ok(Self { #(#shown,)* #(#skipped,)* })
        }
    }
}

/// Generates the values of fields that are not stored.
fn skipped(model: &Model) -> impl Iterator<Item = TokenStream> {
    let private = model.attribute.paths.private();
    let skipped = model.fields.iter().filter(|field| !field.is_shown());
    skipped.map(move |field| {
        let (written, name) = (&field.written, &field.name);
        quote_spanned!(located_at(written.span())=> #name: <#written as #private::Default>::default())
    })
}

/// Generates the hooks of the model; reports a missing `impl ModelHooks` at the key.
fn hooks(model: &Model) -> Option<TokenStream> {
    let (krate, private) = (
        model.attribute.paths.krate(),
        model.attribute.paths.private(),
    );
    let ident = &model.ident;
    let span = located_at(model.attribute.hooks?);
    let table = quote_spanned!(span=> #private::HookTable::of::<#ident>());
    Some(quote! {
        fn hooks() -> #private::Option<#krate::admin::HookTable> {
            #private::Some(#table)
        }
    })
}

/// Generates the permissions of the model, if they differ from the default.
fn policy(model: &Model) -> Option<TokenStream> {
    let attribute = &model.attribute;
    let (paths, krate) = (&attribute.paths, attribute.paths.krate());
    let guard = attribute.guard.as_ref().and_then(|it| it.access(krate));
    let is_default = guard.is_none();
    let guard = guard.unwrap_or_else(|| quote!(#krate::Access::Admin));
    let mut rules = TokenStream::new();
    for (operation, rule) in &attribute.rules {
        let access = rule.access(paths);
        rules.extend(quote!(.rule(#krate::admin::Operation::#operation, #access)));
    }
    for field in model.shown_fields() {
        let name = field.plain_name();
        let view = field.view.as_ref().map(|rule| rule.access(paths));
        let change = field.change.as_ref().map(|rule| rule.access(paths));
        rules.extend(view.map(|access| quote!(.view_field(#name, #access))));
        rules.extend(change.map(|access| quote!(.change_field(#name, #access))));
    }
    if let Some(scope) = &attribute.scope {
        let span = located_at(scope.span());
        rules.extend(quote_spanned!(span=> .scope::<Self, _>(#scope)));
    }
    if is_default && rules.is_empty() {
        return None;
    }
    Some(quote! {
        fn policy() -> #krate::admin::ModelPolicy {
            #krate::admin::ModelPolicy::new(#guard) #rules
        }
    })
}

/// Generates the models whose rows are edited in the form of a record.
fn children(model: &Model) -> Option<TokenStream> {
    let krate = model.attribute.paths.krate();
    let children = &model.attribute.children;
    if children.is_empty() {
        return None;
    }
    let children = children.iter().map(|child| {
        let (target, field) = (&child.model, crate::names::plain(&child.field));
        let name =
            quote_spanned!(located_at(target.span())=> <#target as #krate::AdminModel>::NAME);
        quote!(#krate::admin::ChildSpec::new(#name, #field))
    });
    Some(quote! {
        const CHILDREN: &'static [#krate::admin::ChildSpec] = &[#(#children),*];
    })
}

/// Generates the entry of the model in the navigation.
fn nav(model: &Model) -> Option<TokenStream> {
    let paths = &model.attribute.paths;
    let (krate, private) = (paths.krate(), paths.private());
    let item = model.attribute.nav.as_ref()?.item(&model.plural(), paths);
    Some(quote! {
        fn nav() -> #private::Option<#krate::NavItem> {
            #private::Some(#item)
        }
    })
}

fn validate(model: &Model) -> Option<TokenStream> {
    let (krate, private) = (
        model.attribute.paths.krate(),
        model.attribute.paths.private(),
    );
    let span = located_at(model.attribute.validate?);
    let call = quote_spanned!(span=> #private::garde_errors(self));
    Some(quote! {
        fn field_errors(&self) -> #private::Vec<#krate::FieldError> {
            #call
        }
    })
}
