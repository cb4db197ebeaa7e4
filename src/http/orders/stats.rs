use actix_web::{HttpResponse, web::Data};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    app::{Clock, DailyFigures, DayFigures, GetOrderStats, GetOrderStatsRequest, Ports},
    domain::{Currency, Status},
    http::{
        app_state::AppState,
        request::{
            caller::Caller,
            query::{Parameters, Query, QueryParameters},
        },
        response::{code::Code, problem::HttpResult},
        routing::doc::Doc,
    },
};

use super::calendar::{Day, Days, TimeZoneName};

pub(crate) async fn stats<P: Ports>(
    app: Data<AppState<P>>,
    caller: Caller,
    Query(query): Query<StatsQuery>,
) -> HttpResult {
    let StatsQuery { from, to, time_zone, status, currency } = query;
    let days = Days::new(from, to, time_zone, app.ports().clock().now())?;
    let request = GetOrderStatsRequest { principal: caller.principal, days: days.begins()?, status, currency };
    let figures = GetOrderStats(app.ports()).execute(&request).await?;
    Ok(HttpResponse::Ok().json(StatsBody::new(&days, &figures)))
}

pub(crate) fn stats_doc() -> Doc {
    let row = json!({"status": "placed", "currency": "EUR", "orders": 2, "units": 5, "amount": "1059.97"});
    let mut day = row.clone();
    if let Some(fields) = day.as_object_mut() {
        fields.insert("day".to_owned(), json!("2026-01-31"));
    }
    let example = json!({
        "time_zone": "Europe/Berlin", "from": "2026-01-31", "to": "2026-01-31", "as_of_position": 1204, "days": [day],
        "totals": [row],
    });
    Doc::new("Orders", "get_order_stats", "Get the figures of orders by day, status and currency")
        .describe("Counts each order on the day of its creation, with the status, the units and the amount that it has now: each figure is that of the list with the same filters. The figures follow the event log within a moment; as_of_position says how far.")
        .query::<StatsQuery>()
        .response::<StatsBody>(200, "The figures", &example)
        .problems(&[Code::OtherCustomer, Code::StoreUnavailable])
}

/// Which figures.
pub(crate) struct StatsQuery {
    from: Option<Day>,
    to: Option<Day>,
    time_zone: Option<TimeZoneName>,
    status: Option<Status>,
    currency: Option<Currency>,
}

impl QueryParameters for StatsQuery {
    fn define(parameters: &mut impl Parameters) -> Self {
        Self {
            from: parameters.optional("from", "The first day; 29 days before the last one if it is absent"),
            to: parameters.optional("to", "The last day; today if it is absent. There are 366 days at most"),
            time_zone: parameters.optional(
                "time_zone",
                "The time zone of the days, by its name in the IANA database; UTC if it is absent",
            ),
            status: parameters.optional("status", "Only orders with this status"),
            currency: parameters.optional("currency", "Only orders in this currency"),
        }
    }
}

/// The figures of orders.
#[derive(Serialize, ToSchema)]
#[schema(as = OrderStats)]
struct StatsBody {
    time_zone: String,
    /// The first day.
    #[schema(format = Date)]
    from: String,
    /// The last day.
    #[schema(format = Date)]
    to: String,
    /// The figures hold up to this position of the event log.
    #[schema(minimum = 0)]
    as_of_position: u64,
    /// By day, status and currency, where there is an order.
    days: Vec<DayBody>,
    /// By status and currency, over all days.
    totals: Vec<FiguresBody>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = OrderStatsOfDay)]
struct DayBody {
    #[schema(format = Date)]
    day: String,
    #[serde(flatten)]
    #[schema(inline)]
    figures: FiguresBody,
}

#[derive(Clone, Serialize, ToSchema)]
#[schema(as = OrderFigures)]
struct FiguresBody {
    /// A status of this release, or one that a newer release wrote.
    status: String,
    currency: String,
    #[schema(minimum = 1)]
    orders: u64,
    /// The sum of all quantities.
    #[schema(minimum = 0)]
    units: u64,
    /// The sum of the orders' amounts.
    #[schema(pattern = r"^[0-9]+(\.[0-9]+)?$")]
    amount: String,
}

impl StatsBody {
    fn new(days: &Days, figures: &DailyFigures) -> Self {
        let mut totals = Vec::<DayFigures>::new();
        for row in &figures.rows {
            let currency = row.amount.currency();
            let same = |total: &&mut DayFigures| total.status == row.status && total.amount.currency() == currency;
            if let Some(total) = totals.iter_mut().find(same) {
                total.orders += row.orders;
                total.units += row.units;
                // The sum of a year has far fewer digits than an amount can have.
                total.amount = total.amount.checked_add(row.amount).unwrap_or(total.amount);
            } else {
                totals.push(row.clone());
            }
        }
        totals.sort_by(|one, other| sort_key(one).cmp(&sort_key(other)));
        let day = |row: &DayFigures| Some(DayBody { day: days.name(row.day)?, figures: row.into() });
        Self {
            time_zone: days.time_zone(),
            from: days.first(),
            to: days.last(),
            as_of_position: figures.position,
            days: figures.rows.iter().filter_map(day).collect(),
            totals: totals.iter().map(FiguresBody::from).collect(),
        }
    }
}

fn sort_key(row: &DayFigures) -> (&str, &str) {
    (&row.status, row.amount.currency().code())
}

impl From<&DayFigures> for FiguresBody {
    fn from(row: &DayFigures) -> Self {
        let DayFigures { day: _, status, orders, units, amount } = row;
        Self {
            status: status.clone(),
            currency: amount.currency().code().to_owned(),
            orders: *orders,
            units: *units,
            amount: amount.to_string(),
        }
    }
}
