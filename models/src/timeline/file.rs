//! The timelines file: checksummed columns that are mapped, not read.
//!
//! Layout: magic (8 bytes), format version (u32), header length (u32), BLAKE3 of the header (32), the header as JSON,
//! then the columns, each at a multiple of 64 bytes. All numbers are little-endian. The header holds the names and
//! where each column lies, and the BLAKE3 of everything behind it.

mod check;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytemuck::Pod;
use serde::{Deserialize, Serialize};

use super::mapping;
use super::{
    Attribute, AttributeValues, Column, Consents, Contacts, Events, Listed, Purchases, Subscriptions, TextColumn,
    Timelines,
};
use crate::files::write_atomically;

const MAGIC: &[u8; 8] = b"tendtime";
const FORMAT_VERSION: u32 = 2;
const PREAMBLE: usize = 48;
const ALIGNMENT: usize = 64;
/// A header names columns and texts; one beyond this is not ours.
const LONGEST_HEADER: usize = 256 << 20;

/// Why a timelines file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TimelinesFileError {
    /// The operating system refused.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        error: io::Error,
    },
    /// The file is not a whole, valid timelines file of this version.
    #[error(
        "{path}: {found}; expected a timelines file as written by this version; write it again with `tend train` or `tend score`"
    )]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        found: String,
    },
}

#[derive(Serialize, Deserialize)]
struct Header {
    body_blake3: String,
    body_bytes: usize,
    columns: Vec<Place>,
    attributes: Vec<AttributeHeader>,
    products: Vec<String>,
    categories: Vec<String>,
    event_types: Vec<String>,
    actions: Vec<String>,
    channels: Vec<String>,
    /// Files of before it was written do without.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    catalogue: BTreeMap<String, Listed>,
}

#[derive(Serialize, Deserialize)]
struct Place {
    name: String,
    start: usize,
    bytes: usize,
}

#[derive(Serialize, Deserialize)]
struct AttributeHeader {
    name: String,
    /// Absent for numbers.
    levels: Option<Vec<String>>,
}

/// Writes the file atomically.
///
/// # Errors
/// [`TimelinesFileError::Io`] if the operating system refuses.
pub fn save_timelines(timelines: &Timelines, path: &Path) -> Result<(), TimelinesFileError> {
    let columns = columns(timelines);
    let mut places = Vec::new();
    let mut hasher = blake3::Hasher::new();
    let mut end = 0;
    for (name, bytes) in &columns {
        places.push(Place { name: name.clone(), start: end, bytes: bytes.len() });
        hasher.update(bytes).update(&[0; ALIGNMENT][..padding(bytes.len())]);
        end += bytes.len() + padding(bytes.len());
    }
    let header = Header {
        body_blake3: hasher.finalize().to_hex().to_string(),
        body_bytes: end,
        columns: places,
        attributes: timelines.attributes.iter().map(attribute_header).collect(),
        products: timelines.products.clone(),
        categories: timelines.categories.clone(),
        event_types: timelines.event_types.clone(),
        actions: timelines.actions.clone(),
        channels: timelines.channels.clone(),
        catalogue: timelines.catalogue.clone(),
    };
    let header = serde_json::to_vec(&header).expect("a header is plain data");
    write_atomically(path, |writer| {
        writer.write_all(MAGIC)?;
        writer.write_all(&FORMAT_VERSION.to_le_bytes())?;
        writer.write_all(&u32::try_from(header.len()).map_err(io::Error::other)?.to_le_bytes())?;
        writer.write_all(blake3::hash(&header).as_bytes())?;
        writer.write_all(&header)?;
        pad(writer, PREAMBLE + header.len())?;
        for (_, bytes) in &columns {
            writer.write_all(bytes)?;
            pad(writer, bytes.len())?;
        }
        Ok(())
    })
    .map_err(|error| TimelinesFileError::Io { path: path.to_owned(), error })
}

/// Maps the file and checks it whole: checksums, lengths, order and codes. Columns stay in the file.
///
/// # Errors
/// [`TimelinesFileError`] if the file cannot be read or any check fails.
pub fn open_timelines(path: &Path) -> Result<Timelines, TimelinesFileError> {
    let io_error = |error| TimelinesFileError::Io { path: path.to_owned(), error };
    let invalid = |found| TimelinesFileError::Invalid { path: path.to_owned(), found };
    let file = Arc::new(mapping::map(&File::open(path).map_err(io_error)?).map_err(io_error)?);
    let (header, body_start) = read_header(&file).map_err(invalid)?;
    let timelines = assemble(&file, header, body_start).map_err(invalid)?;
    check::check(&timelines).map_err(invalid)?;
    Ok(timelines)
}

fn padding(bytes: usize) -> usize {
    bytes.next_multiple_of(ALIGNMENT) - bytes
}

fn pad(writer: &mut dyn Write, written: usize) -> io::Result<()> {
    writer.write_all(&[0; ALIGNMENT][..padding(written)])
}

fn attribute_header(attribute: &Attribute) -> AttributeHeader {
    let levels = match &attribute.values {
        AttributeValues::Number(_) => None,
        AttributeValues::Category { levels, .. } => Some(levels.clone()),
    };
    AttributeHeader { name: attribute.name.clone(), levels }
}

/// Every column's bytes under its name, in the order of the file.
fn columns(timelines: &Timelines) -> Vec<(String, &[u8])> {
    fn bytes<T: Pod>(column: &Column<T>) -> &[u8] {
        bytemuck::cast_slice(column)
    }
    let Timelines { purchases, subscriptions, events, contacts, consents, .. } = timelines;
    let named: [(&str, &[u8]); 38] = [
        ("ids.bytes", bytes(&timelines.ids.bytes)),
        ("ids.ends", bytes(&timelines.ids.ends)),
        ("created_at", bytes(&timelines.created_at)),
        ("attributes_known_at", bytes(&timelines.attributes_known_at)),
        ("purchases.offsets", bytes(&purchases.offsets)),
        ("purchases.at", bytes(&purchases.at)),
        ("purchases.known_at", bytes(&purchases.known_at)),
        ("purchases.amount", bytes(&purchases.amount)),
        ("purchases.margin", bytes(&purchases.margin)),
        ("purchases.quantity", bytes(&purchases.quantity)),
        ("purchases.product", bytes(&purchases.product)),
        ("purchases.category", bytes(&purchases.category)),
        ("subscriptions.offsets", bytes(&subscriptions.offsets)),
        ("subscriptions.at", bytes(&subscriptions.at)),
        ("subscriptions.known_at", bytes(&subscriptions.known_at)),
        ("subscriptions.end", bytes(&subscriptions.end)),
        ("subscriptions.product", bytes(&subscriptions.product)),
        ("subscriptions.mrr", bytes(&subscriptions.mrr)),
        ("subscriptions.bill_period_months", bytes(&subscriptions.bill_period_months)),
        ("subscriptions.discount", bytes(&subscriptions.discount)),
        ("events.offsets", bytes(&events.offsets)),
        ("events.at", bytes(&events.at)),
        ("events.known_at", bytes(&events.known_at)),
        ("events.event_type", bytes(&events.event_type)),
        ("events.value", bytes(&events.value)),
        ("contacts.offsets", bytes(&contacts.offsets)),
        ("contacts.at", bytes(&contacts.at)),
        ("contacts.known_at", bytes(&contacts.known_at)),
        ("contacts.action", bytes(&contacts.action)),
        ("contacts.is_control", bytes(&contacts.is_control)),
        ("contacts.probability", bytes(&contacts.probability)),
        ("contacts.taken", bytes(&contacts.taken)),
        ("contacts.outcome_at", bytes(&contacts.outcome_at)),
        ("consents.offsets", bytes(&consents.offsets)),
        ("consents.at", bytes(&consents.at)),
        ("consents.known_at", bytes(&consents.known_at)),
        ("consents.channel", bytes(&consents.channel)),
        ("consents.is_granted", bytes(&consents.is_granted)),
    ];
    let mut columns: Vec<(String, &[u8])> = named.into_iter().map(|(name, bytes)| (name.to_owned(), bytes)).collect();
    for (place, attribute) in timelines.attributes.iter().enumerate() {
        let values = match &attribute.values {
            AttributeValues::Number(values) => bytes(values),
            AttributeValues::Category { codes, .. } => bytes(codes),
        };
        columns.push((format!("attributes.{place}"), values));
    }
    columns
}

/// The header, after its checksum and the body's, and where the body starts.
fn read_header(file: &[u8]) -> Result<(Header, usize), String> {
    if file.len() < PREAMBLE || &file[..8] != MAGIC {
        return Err("found no timelines file".to_owned());
    }
    let number = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().expect("four bytes"));
    let version = number(8);
    if version != FORMAT_VERSION {
        return Err(format!("found format version {version}, this program reads version {FORMAT_VERSION}"));
    }
    let length = number(12) as usize;
    if length > LONGEST_HEADER {
        return Err(format!("found a header of {length} bytes, at most {LONGEST_HEADER} are allowed"));
    }
    let header = file.get(PREAMBLE..PREAMBLE + length).ok_or("found a file that ends inside its header")?;
    if blake3::hash(header).as_bytes() != &file[16..PREAMBLE] {
        return Err("found a header that does not match its checksum".to_owned());
    }
    let header: Header =
        serde_json::from_slice(header).map_err(|error| format!("found an unreadable header: {error}"))?;
    let body_start = (PREAMBLE + length).next_multiple_of(ALIGNMENT);
    let body = file.get(body_start..).unwrap_or_default();
    if body.len() != header.body_bytes {
        return Err(format!("found {} bytes of columns, the header says {}", body.len(), header.body_bytes));
    }
    if file[PREAMBLE + length..body_start].iter().any(|&byte| byte != 0) {
        return Err("found bytes between the header and the columns".to_owned());
    }
    if blake3::hash(body).to_hex().as_str() != header.body_blake3 {
        return Err("found columns that do not match their checksum".to_owned());
    }
    Ok((header, body_start))
}

fn assemble(file: &Arc<memmap2::Mmap>, header: Header, body_start: usize) -> Result<Timelines, String> {
    let columns = MappedColumns { file, places: &header.columns, body_start };
    let attribute = |(place, attribute): (usize, AttributeHeader)| {
        let name = format!("attributes.{place}");
        let values = match attribute.levels {
            None => AttributeValues::Number(columns.get(&name)?),
            Some(levels) => AttributeValues::Category { levels, codes: columns.get(&name)? },
        };
        Ok::<_, String>(Attribute { name: attribute.name, values })
    };
    Ok(Timelines {
        ids: TextColumn { bytes: columns.get("ids.bytes")?, ends: columns.get("ids.ends")? },
        created_at: columns.get("created_at")?,
        attributes_known_at: columns.get("attributes_known_at")?,
        attributes: header.attributes.into_iter().enumerate().map(attribute).collect::<Result<_, _>>()?,
        products: header.products,
        categories: header.categories,
        event_types: header.event_types,
        actions: header.actions,
        channels: header.channels,
        catalogue: header.catalogue,
        purchases: Purchases {
            offsets: columns.get("purchases.offsets")?,
            at: columns.get("purchases.at")?,
            known_at: columns.get("purchases.known_at")?,
            amount: columns.get("purchases.amount")?,
            margin: columns.get("purchases.margin")?,
            quantity: columns.get("purchases.quantity")?,
            product: columns.get("purchases.product")?,
            category: columns.get("purchases.category")?,
        },
        subscriptions: Subscriptions {
            offsets: columns.get("subscriptions.offsets")?,
            at: columns.get("subscriptions.at")?,
            known_at: columns.get("subscriptions.known_at")?,
            end: columns.get("subscriptions.end")?,
            product: columns.get("subscriptions.product")?,
            mrr: columns.get("subscriptions.mrr")?,
            bill_period_months: columns.get("subscriptions.bill_period_months")?,
            discount: columns.get("subscriptions.discount")?,
        },
        events: Events {
            offsets: columns.get("events.offsets")?,
            at: columns.get("events.at")?,
            known_at: columns.get("events.known_at")?,
            event_type: columns.get("events.event_type")?,
            value: columns.get("events.value")?,
        },
        contacts: Contacts {
            offsets: columns.get("contacts.offsets")?,
            at: columns.get("contacts.at")?,
            known_at: columns.get("contacts.known_at")?,
            action: columns.get("contacts.action")?,
            is_control: columns.get("contacts.is_control")?,
            probability: columns.get("contacts.probability")?,
            taken: columns.get("contacts.taken")?,
            outcome_at: columns.get("contacts.outcome_at")?,
        },
        consents: Consents {
            offsets: columns.get("consents.offsets")?,
            at: columns.get("consents.at")?,
            known_at: columns.get("consents.known_at")?,
            channel: columns.get("consents.channel")?,
            is_granted: columns.get("consents.is_granted")?,
        },
    })
}

struct MappedColumns<'a> {
    file: &'a Arc<memmap2::Mmap>,
    places: &'a [Place],
    body_start: usize,
}

impl MappedColumns<'_> {
    fn get<T: Pod>(&self, name: &str) -> Result<Column<T>, String> {
        let place =
            self.places.iter().find(|place| place.name == name).ok_or_else(|| format!("found no column {name}"))?;
        let start = self.body_start.checked_add(place.start);
        let range = start.and_then(|start| Some(start..start.checked_add(place.bytes)?));
        range
            .and_then(|range| Column::mapped(self.file, range))
            .ok_or_else(|| format!("found column {name} outside the file or out of line"))
    }
}
