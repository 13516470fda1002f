//! Who looks at the console: a key is given once and a cookie stands for it; without keys, only this machine.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Extension;
use axum::extract::{Form, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::{Refusal, is_from_here};
use crate::console::login_page;
use crate::http::{Service, now_ms};
use crate::store::Scope;

const COOKIE: &str = "tend_session";
/// A session ends after a working day.
const SESSION_MS: i64 = 12 * 3_600_000;

/// Sessions by what their cookie says; they end with the service.
#[derive(Debug, Default)]
pub(in crate::http) struct Sessions(Mutex<HashMap<String, Session>>);

#[derive(Debug, Clone)]
struct Session {
    scopes: Vec<Scope>,
    ends_at_ms: i64,
}

impl Sessions {
    fn begin(&self, id: String, scopes: Vec<Scope>, now_ms: i64) {
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|_, session| session.ends_at_ms > now_ms);
        sessions.insert(id, Session { scopes, ends_at_ms: now_ms + SESSION_MS });
    }

    fn end(&self, id: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    fn scopes(&self, id: &str, now_ms: i64) -> Option<Vec<Scope>> {
        let sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.get(id).filter(|session| session.ends_at_ms > now_ms).map(|session| session.scopes.clone())
    }
}

/// Whoever looks at a page.
#[derive(Debug, Clone)]
pub(super) struct Visitor {
    /// Whether there is a session that can be ended.
    pub has_session: bool,
    scopes: Vec<Scope>,
}

impl Visitor {
    pub(super) fn may(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }

    pub(super) fn must(&self, scope: Scope) -> Result<(), Refusal> {
        if self.may(scope) {
            return Ok(());
        }
        let text = format!("Your key lacks the scope {}; log in with one that has it.", scope.name());
        Err(Refusal(StatusCode::FORBIDDEN, "Not allowed", text))
    }
}

/// Lets a visitor pass who has a session; without keys, whoever comes by a name of this machine. What changes anything
/// must come from a page of this service.
pub(super) async fn require_visitor(State(service): State<Arc<Service>>, mut request: Request, next: Next) -> Response {
    let visitor = if service.keys.is_some() {
        let session = cookie(request.headers()).and_then(|id| service.sessions.scopes(id, now_ms()));
        match session {
            Some(scopes) => Visitor { has_session: true, scopes },
            None if request.method() == Method::GET => return Redirect::to("/login").into_response(),
            None => {
                let text = "The session has ended; log in again.".to_owned();
                return Refusal(StatusCode::UNAUTHORIZED, "Not logged in", text).into_response();
            }
        }
    } else {
        // A page of another host that has this machine's address under its own name must not read the console.
        if !is_this_machine(request.headers()) {
            let text = "Without keys the console answers as localhost alone; make a key with `tend keys create` and serve with --require-keys.";
            return Refusal(StatusCode::FORBIDDEN, "Not allowed", text.to_owned()).into_response();
        }
        Visitor { has_session: false, scopes: Scope::ALL.to_vec() }
    };
    if request.method() != Method::GET && request.method() != Method::HEAD && !is_from_here(request.headers()) {
        let text = "This was not sent by a page of this console.".to_owned();
        return Refusal(StatusCode::FORBIDDEN, "Not allowed", text).into_response();
    }
    request.extensions_mut().insert(visitor);
    next.run(request).await
}

#[derive(Deserialize)]
pub(super) struct Key {
    key: String,
}

/// The page that asks for a key.
pub(super) async fn ask_key(State(service): State<Arc<Service>>) -> Response {
    if service.keys.is_none() {
        return Redirect::to("/").into_response();
    }
    Html(login_page(false)).into_response()
}

/// Begins a session for a key that may read.
pub(super) async fn log_in(
    State(service): State<Arc<Service>>,
    headers: HeaderMap,
    Form(given): Form<Key>,
) -> Response {
    let Some(keys) = &service.keys else { return Redirect::to("/").into_response() };
    let keys = keys.load();
    // All keys are tried, so that the time tells nothing of which one matched.
    let matching = keys.iter().fold(None, |found, key| if key.is(given.key.trim()) { Some(key) } else { found });
    match matching.filter(|key| key.scopes.contains(&Scope::Read) && is_from_here(&headers)) {
        Some(key) => {
            let id = service.ids.next(now_ms());
            service.sessions.begin(id.clone(), key.scopes.clone(), now_ms());
            let cookie = format!("{COOKIE}={id}; Path=/; HttpOnly; SameSite=Strict; Max-Age={}", SESSION_MS / 1_000);
            ([(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response()
        }
        None => (StatusCode::UNAUTHORIZED, Html(login_page(true))).into_response(),
    }
}

/// Ends the session.
pub(super) async fn log_out(
    State(service): State<Arc<Service>>,
    Extension(_): Extension<Visitor>,
    headers: HeaderMap,
) -> Response {
    if let Some(id) = cookie(&headers) {
        service.sessions.end(id);
    }
    let cookie = format!("{COOKIE}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
    ([(header::SET_COOKIE, cookie)], Redirect::to("/login")).into_response()
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|value| value.split(';')).find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='))
}

fn is_this_machine(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
