//! The frame around every page, and how numbers are written for people.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use tend_models::quantities::Moment;

/// The style of all pages.
pub const STYLE: &str = include_str!("style.css");
/// The one script: live counts of a range.
pub const SCRIPT: &str = include_str!("console.js");

/// The sections, with their addresses.
const SECTIONS: [(&str, &str); 4] =
    [("/", "Overview"), ("/worklist", "Worklist"), ("/models", "Models"), ("/policy", "Policy")];

/// What all pages show around their contents.
#[derive(Debug, Clone)]
pub struct Frame {
    /// The address of the section that the page belongs to.
    pub section: &'static str,
    /// What was known before this moment was used; none while it is not known.
    pub moment: Option<Moment>,
    /// The currency of all money.
    pub currency: String,
    /// Whether newer figures are on their way.
    pub is_stale: bool,
    /// Whether whoever looks has logged in, and so can log out.
    pub has_session: bool,
}

impl Frame {
    /// A whole page.
    #[must_use]
    pub fn page(&self, title: &str, contents: &Markup) -> String {
        let markup = document(
            title,
            &html! {
                a.skip href="#contents" { "Skip to the contents" }
                header.top {
                    a.brand href="/" { "tend" }
                    nav aria-label="Sections" {
                        @for (address, name) in SECTIONS {
                            @let here = address == self.section;
                            a href=(address) aria-current=[here.then_some("page")] { (name) }
                        }
                    }
                    form.find action="/customers" method="get" role="search" {
                        label.hidden for="find" { "Customer id" }
                        input id="find" name="id" placeholder="Customer id" autocomplete="off" required;
                        button { "Open" }
                    }
                    @if self.has_session {
                        form action="/logout" method="post" { button.quiet { "Log out" } }
                    }
                }
                main id="contents" {
                    h1 { (title) }
                    @if let Some(moment) = self.moment {
                        p.note {
                            "As known before " (moment) ". "
                            @if !self.currency.is_empty() { "Money in " (self.currency) ". " }
                            @if self.is_stale { "Newer figures are being computed; reload in a moment." }
                        }
                    }
                    (contents)
                }
            },
        );
        markup.into_string()
    }

    /// Money with its currency.
    #[must_use]
    pub fn money(&self, value: f64) -> String {
        if self.currency.is_empty() { amount(value, 2) } else { format!("{} {}", amount(value, 2), self.currency) }
    }

    /// Money without cents, for sums.
    #[must_use]
    pub fn sum(&self, value: f64) -> String {
        if self.currency.is_empty() { amount(value, 0) } else { format!("{} {}", amount(value, 0), self.currency) }
    }
}

/// The page on which a key is given.
#[must_use]
pub fn login_page(was_refused: bool) -> String {
    let contents = html! {
        main.login id="contents" {
            h1 { "tend" }
            @if was_refused { p.fault role="alert" { "This key is not known, or may not read. Make one with " code { "tend keys create" } "." } }
            form method="post" action="/login" {
                label for="key" { "API key" }
                input id="key" name="key" type="password" autocomplete="current-password" required autofocus;
                button { "Log in" }
            }
        }
    };
    document("Log in", &contents).into_string()
}

/// A page that says one thing.
#[must_use]
pub fn message_page(title: &str, text: &str) -> String {
    let contents = html! {
        main.login id="contents" {
            h1 { (title) }
            p { (text) }
            p { a href="/" { "To the overview" } }
        }
    };
    document(title, &contents).into_string()
}

fn document(title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " · tend" }
                link rel="stylesheet" href="/console.css";
                link rel="icon" href="data:,";
                script src="/console.js" defer {}
            }
            body { (body) }
        }
    }
}

/// A number with thousands apart.
pub(super) fn amount(value: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", value.abs());
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut grouped = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            grouped.push(' ');
        }
        grouped.push(digit);
    }
    let is_zero = text.bytes().all(|byte| byte == b'0' || byte == b'.');
    format!("{}{grouped}{rest}", if value < 0.0 && !is_zero { "−" } else { "" })
}

/// A share in percent.
pub(super) fn percent(share: f64) -> String {
    format!("{:.1}\u{a0}%", 100.0 * share)
}

/// A count of things, with the right word.
pub(super) fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{} {}", amount(count as f64, 0), if count == 1 { one } else { many })
}

/// SVG that was made here.
pub(super) fn drawn(svg: String) -> Markup {
    PreEscaped(svg)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!(amount(1_234_567.891, 2), "1 234 567.89");
        assert_eq!(amount(-0.001, 2), "0.00");
        assert_eq!(amount(-12.5, 1), "−12.5");
        assert_eq!(counted(1, "customer", "customers"), "1 customer");
        assert_eq!(counted(2_000, "customer", "customers"), "2 000 customers");
    }
}
