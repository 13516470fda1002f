//! Other names that companies give to columns of the contract: proposed to a person, never taken at run time.

/// Names without case and punctuation, likeliest first.
const ALIASES: [(&str, &[&str]); 18] = [
    ("customer_id", &["customerid", "accountid", "userid", "clientid", "memberid", "masterid", "custid", "customer"]),
    (
        "event_time",
        &["invoicedate", "orderdate", "date", "timestamp", "purchasedate", "orderedat", "time", "createdat"],
    ),
    ("amount", &["spend", "revenue", "total", "ordertotal", "sales", "amountpaid", "totalprice"]),
    ("unit_price", &["unitprice", "price", "itemprice"]),
    ("order_id", &["invoice", "invoiceno", "orderid", "ordernumber", "transactionid"]),
    ("product_id", &["stockcode", "sku", "productid", "itemid", "plan", "product"]),
    ("category", &["productcategory", "department", "categoryname"]),
    ("quantity", &["qty", "units", "quantity", "pieces"]),
    ("is_return", &["iscancellation", "isrefund", "returned", "isreturn"]),
    ("created_at", &["signupdate", "registeredat", "joined", "createddate", "joindate", "createdat"]),
    ("start_date", &["startdate", "startedat", "begin", "validfrom"]),
    ("end_date", &["enddate", "endedat", "canceledat", "cancelledat", "validto"]),
    ("mrr", &["monthlyrevenue", "monthlycharges", "monthlyprice", "monthlyamount"]),
    ("event_type", &["type", "eventname", "event", "eventtype"]),
    ("sent_at", &["sentat", "contactdate", "senddate"]),
    ("action_id", &["campaign", "campaignid", "actionid", "offer"]),
    ("status", &["consent", "optin", "consentstatus"]),
    ("changed_at", &["changedat", "updatedat", "date", "timestamp"]),
];

/// The file's column that probably stands for a column of the contract.
#[must_use]
pub fn proposed_column<'a>(file_columns: &'a [String], column: &str) -> Option<&'a str> {
    let aliases = ALIASES.iter().find(|(known, _)| *known == column).map_or(&[][..], |(_, aliases)| *aliases);
    let own = plain(column);
    let mut candidates = std::iter::once(own.as_str()).chain(aliases.iter().copied());
    candidates.find_map(|alias| file_columns.iter().find(|name| plain(name) == alias)).map(String::as_str)
}

/// A name without case and punctuation.
fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).flat_map(char::to_lowercase).collect()
}
