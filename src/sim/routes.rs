//! Routes requests to the rules, and sends their answers, changed by faults.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use tower_http::services::ServeDir;

use super::{
    connection::ConnectionCutter,
    create_request::SimCreateRequest,
    delayed,
    fault_rules::FaultRule,
    faults::{DueFault, Endpoint, Fault},
    identify::SimIdentifyRequest,
    inject,
    mp4::PIXEL_PNG,
    received::{BODY_BYTES_MAX, ReceivedRequest, in_http, off_thread},
    response::{Refusal, SimResponse, http_status, usual_message},
    rules::Sim,
    send_result::ResultContent,
    shared::Shared,
};

const TASKS: &str = "/v1/videos/advanced-lip-sync";

type SharedState = State<Arc<Shared>>;

/// All paths of the simulator.
pub(super) fn router(shared: Arc<Shared>) -> Router {
    let router = Router::new()
        .route("/v1/videos/identify-face", post(identify))
        .route(TASKS, post(create).get(list))
        .route(&format!("{TASKS}/{{id}}"), get(query))
        .route("/account/costs", get(costs))
        .route("/results/{name}", get(download))
        .route("/faces/{name}", get(face))
        .route("/sim/ledger", get(ledger))
        .route("/sim/faults", post(add_fault).delete(clear_faults))
        .fallback(|State(shared): SharedState| refuse_path(shared, false))
        .method_not_allowed_fallback(|State(shared): SharedState| refuse_path(shared, true))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX));
    let media = shared
        .folder
        .dir
        .as_ref()
        .map(|dir| ServeDir::new(dir).append_index_html_on_directories(false));
    let router = match media {
        Some(files) => router.nest_service("/media", files),
        None => router,
    };
    router.with_state(shared)
}

async fn identify(State(shared): SharedState, asked: ReceivedRequest) -> Response {
    let request = off_thread(&shared, &asked, SimIdentifyRequest::read).await;
    let run = |sim: &mut Sim, now_ms| sim.identify_request(now_ms, asked.authorization(), request);
    respond(&shared, Endpoint::Identify, &asked, run).await
}

async fn create(State(shared): SharedState, asked: ReceivedRequest) -> Response {
    let request = off_thread(&shared, &asked, SimCreateRequest::read).await;
    let authorization = asked.authorization().map(str::to_owned);
    let run =
        move |sim: &mut Sim, now_ms| sim.create_request(now_ms, authorization.as_deref(), request);
    match due_fault(&shared, Endpoint::Create, &asked) {
        Some(DueFault { fault: Fault::DeliverLate { after_ms, sees }, carried_out: true }) => {
            let wait = Duration::from_millis(after_ms);
            delayed::keep(shared, &asked.scissors, wait, sees, run).await
        }
        due => answer(&shared, &asked.scissors, Endpoint::Create, due, run).await,
    }
}

async fn query(
    State(shared): SharedState,
    Path(id): Path<String>,
    asked: ReceivedRequest,
) -> Response {
    let run =
        |sim: &mut Sim, now_ms| sim.query_with(now_ms, asked.authorization(), &id, asked.query());
    respond(&shared, Endpoint::Query, &asked, run).await
}

async fn list(State(shared): SharedState, asked: ReceivedRequest) -> Response {
    let run = |sim: &mut Sim, now_ms| sim.list(now_ms, asked.authorization(), asked.query());
    respond(&shared, Endpoint::List, &asked, run).await
}

async fn costs(State(shared): SharedState, asked: ReceivedRequest) -> Response {
    let run = |sim: &mut Sim, now_ms| sim.costs(now_ms, asked.authorization(), asked.query());
    respond(&shared, Endpoint::Costs, &asked, run).await
}

async fn download(
    State(shared): SharedState,
    Path(name): Path<String>,
    asked: ReceivedRequest,
) -> Response {
    let (due, file) = {
        let now_ms = shared.now_ms();
        let mut sim = shared.sim();
        let due = sim.next_fault(Endpoint::Download, &name, b"");
        let carried_out = due.as_ref().is_none_or(|due| due.carried_out);
        let file = if carried_out { sim.download(now_ms, &name) } else { None };
        (due, file)
    };
    let due = due.map(|due| due.fault);
    let mut headers = asked.headers;
    if matches!(due, Some(Fault::Plain | Fault::Trailing { .. })) {
        headers.remove(header::RANGE);
    }
    if due == Some(Fault::WantsReferer) && !headers.contains_key(header::REFERER) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let healthy = match file {
        Some(file) => match ResultContent::of(file, &shared.folder).await {
            Some(content) => content.send(&headers).await.unwrap_or_else(|_| gone()),
            None => gone(),
        },
        None => gone(),
    };
    match due {
        Some(Fault::Code { code, status, .. }) => {
            let status = StatusCode::from_u16(status.unwrap_or(http_status(code)));
            status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR).into_response()
        }
        Some(fault) => inject::inject(fault, healthy, &asked.scissors).await,
        None => healthy,
    }
}

fn gone() -> Response {
    StatusCode::NOT_FOUND.into_response()
}

async fn face() -> Response {
    ([(header::CONTENT_TYPE, "image/png")], &PIXEL_PNG[..]).into_response()
}

async fn ledger(State(shared): SharedState) -> Response {
    axum::Json(shared.ledger()).into_response()
}

async fn add_fault(State(shared): SharedState, body: Bytes) -> Response {
    match FaultRule::from_json(&body) {
        Ok(rule) => {
            shared.sim().add_fault(rule);
            StatusCode::NO_CONTENT.into_response()
        }
        Err(error) => (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response(),
    }
}

async fn clear_faults(State(shared): SharedState) -> Response {
    shared.sim().clear_faults();
    StatusCode::NO_CONTENT.into_response()
}

async fn refuse_path(shared: Arc<Shared>, wrong_method: bool) -> Response {
    let answer = shared.sim().refuse_path(wrong_method);
    in_http(&answer, None, shared.now_ms())
}

async fn respond(
    shared: &Shared,
    call: Endpoint,
    asked: &ReceivedRequest,
    run: impl FnOnce(&mut Sim, i64) -> SimResponse,
) -> Response {
    let due = due_fault(shared, call, asked);
    answer(shared, &asked.scissors, call, due, run).await
}

fn due_fault(shared: &Shared, call: Endpoint, asked: &ReceivedRequest) -> Option<DueFault> {
    let body = asked.body.as_deref().unwrap_or_default();
    shared.sim().next_fault(call, &asked.uri.to_string(), body)
}

/// Applies the rules, then the fault. The rules run before every delay, so that the request of a client that
/// disconnects was accepted.
async fn answer(
    shared: &Shared,
    cut: &ConnectionCutter,
    call: Endpoint,
    due: Option<DueFault>,
    run: impl FnOnce(&mut Sim, i64) -> SimResponse,
) -> Response {
    let now_ms = shared.now_ms();
    let (healthy, latency_ms) = {
        let mut sim = shared.sim();
        let is_carried_out = due.as_ref().is_none_or(|due| due.carried_out);
        let answer = is_carried_out.then(|| run(&mut sim, now_ms));
        let healthy = match due.as_ref().map(|due| &due.fault) {
            Some(Fault::Code { code, status, retry_after_s, message }) => {
                let message = message.clone().unwrap_or_else(|| usual_message(*code).to_owned());
                let refusal = Refusal { code: *code, message, retry_after_s: *retry_after_s };
                in_http(&sim.refuse(call, &refusal), *status, now_ms)
            }
            _ => answer.map_or_else(
                || StatusCode::INTERNAL_SERVER_ERROR.into_response(),
                |answer| in_http(&answer, None, now_ms),
            ),
        };
        (healthy, latency_ms(&sim, call))
    };
    shared.changed.notify_one();
    if latency_ms > 0 {
        tokio::time::sleep(Duration::from_millis(latency_ms)).await;
    }
    match due {
        Some(due) => inject::inject(due.fault, healthy, cut).await,
        None => healthy,
    }
}

fn latency_ms(sim: &Sim, call: Endpoint) -> u64 {
    match call {
        Endpoint::Identify => sim.config().identify_latency_ms,
        Endpoint::Create => sim.config().create_latency_ms,
        _ => 0,
    }
}
