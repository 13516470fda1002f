//! Numbers, dates and yes or no, from texts.

use jiff::tz::TimeZone;
use tend_models::quantities::Moment;

/// How texts in a table are to be understood.
#[derive(Debug, Clone)]
pub struct TextFormat {
    /// The decimal mark.
    pub decimal: char,
    /// How dates are written, in strftime form; `None` for ISO 8601.
    pub date_format: Option<String>,
    /// The zone of times that do not say theirs.
    pub time_zone: TimeZone,
}

impl Default for TextFormat {
    fn default() -> Self {
        Self { decimal: '.', date_format: None, time_zone: TimeZone::UTC }
    }
}

/// A number with this decimal mark; infinite and undefined numbers are none.
pub(crate) fn parse_number(text: &str, decimal: char) -> Option<f64> {
    let plain = if decimal == '.' { text.parse() } else { without_points(text)?.replace(decimal, ".").parse() };
    plain.ok().filter(|number: &f64| number.is_finite())
}

/// A number without the points between its thousands; `None` if there are points anywhere else.
fn without_points(text: &str) -> Option<String> {
    let (whole, rest) = text.split_at(text.find(',').unwrap_or(text.len()));
    let mut groups = whole.trim_start_matches(['-', '+']).split('.');
    let leads = (1..=3).contains(&groups.next().unwrap_or_default().len()) || !whole.contains('.');
    let is_grouped = groups.all(|group| group.len() == 3);
    (leads && is_grouped && !rest.contains('.')).then(|| whole.replace('.', "") + rest)
}

pub(super) fn parse_flag(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "t" | "yes" | "y" | "1" | "1.0" => Some(true),
        "false" | "f" | "no" | "n" | "0" | "0.0" => Some(false),
        _ => None,
    }
}

/// A date or time as the format says: a time that does not say its zone is in the format's.
pub(super) fn parse_moment(text: &str, format: &TextFormat) -> Option<Moment> {
    if let Some(pattern) = &format.date_format {
        let datetime = jiff::civil::DateTime::strptime(pattern, text)
            .or_else(|_| jiff::civil::Date::strptime(pattern, text).map(|date| date.at(0, 0, 0, 0)));
        return datetime.ok().and_then(|datetime| zoned(datetime, &format.time_zone));
    }
    if let Ok(moment) = text.parse::<Moment>()
        && (text.len() > 10 || format.time_zone == TimeZone::UTC)
    {
        return Some(moment);
    }
    text.parse::<jiff::civil::DateTime>().ok().and_then(|datetime| zoned(datetime, &format.time_zone))
}

fn zoned(datetime: jiff::civil::DateTime, zone: &TimeZone) -> Option<Moment> {
    zone.to_timestamp(datetime).ok().map(|timestamp| Moment::from_seconds(timestamp.as_second()))
}

pub(super) fn local_moment(seconds: i64, zone: &TimeZone) -> Option<Moment> {
    let clock = jiff::Timestamp::from_second(seconds).ok()?;
    zoned(TimeZone::UTC.to_datetime(clock), zone)
}
