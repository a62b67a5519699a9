//! The parameter `relay-info`: TURN servers, as an array of structures.

use std::net::{IpAddr, SocketAddr};

use glib::prelude::*;
use glib::translate::*;

use super::candidate::invalid;

/// How to reach a TURN server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Udp,
    Tcp,
    Tls,
}

impl Kind {
    /// libnice's number.
    pub(super) fn to_nice(self) -> u32 {
        self as u32
    }
}

/// A TURN server.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Relay {
    pub(super) ip: String,
    pub(super) port: u16,
    pub(super) username: String,
    pub(super) password: String,
    pub(super) kind: Kind,
    /// With TLS: the name that the certificate must have; `None` for `ip`.
    pub(super) server_name: Option<String>,
    /// With TLS: a file of certificates (PEM) of authorities that are trusted besides the system's.
    pub(super) ca_file: Option<String>,
    /// The only component that uses it; `None` for all that have no server of their own.
    pub(super) component: Option<u32>,
}

impl Relay {
    /// The families of addresses from which libnice can reach the server: by its address, or both for a name. True is
    /// IPv6.
    pub(super) fn families(&self) -> Vec<bool> {
        self.ip.parse::<IpAddr>().map_or_else(|_| vec![false, true], |ip| vec![ip.is_ipv6()])
    }

    /// The same server, reached by TCP at another address.
    pub(super) fn at(&self, address: SocketAddr) -> Self {
        Self { ip: address.ip().to_string(), port: address.port(), kind: Kind::Tcp, ..self.clone() }
    }
}

/// The servers of a component: its own ones, or else those for all.
pub(super) fn of_component(relays: &[Relay], component: u32) -> impl Iterator<Item = &Relay> {
    let own = relays.iter().any(|r| r.component == Some(component));
    relays.iter().filter(move |r| r.component == own.then_some(component))
}

/// Reads the parameter.
///
/// # Errors
/// `INVALID_ARGUMENTS`, naming the entry and the field.
pub(super) fn read(structures: &[gst::Structure], components: u32) -> Result<Vec<Relay>, glib::Error> {
    let read = |(i, s): (usize, &gst::Structure)| read_one(s, components, i + 1);
    structures.iter().enumerate().map(read).collect()
}

fn read_one(structure: &gst::Structure, components: u32, entry: usize) -> Result<Relay, glib::Error> {
    let wrong = |why: &str| invalid(&format!("parameter 'relay-info', entry {entry}: {why}"));
    let string = |field: &str| match structure.get_optional::<String>(field) {
        Ok(Some(text)) if !text.is_empty() && !text.contains('\0') => Ok(text),
        Ok(_) => Err(wrong(&format!("field '{field}' is missing or empty"))),
        Err(_) => Err(wrong(&format!("field '{field}' is no string"))),
    };
    let port = number(structure, "port").map_err(|why| wrong(&why))?;
    let port = port.ok_or_else(|| wrong("field 'port' is missing"))?;
    let port = u16::try_from(port).ok().filter(|p| *p != 0);
    let kind = match structure.get_optional::<String>("relay-type") {
        Ok(None) => Kind::Udp,
        Ok(Some(text)) if text == "udp" => Kind::Udp,
        Ok(Some(text)) if text == "tcp" => Kind::Tcp,
        Ok(Some(text)) if text == "tls" => Kind::Tls,
        Ok(Some(text)) => return Err(wrong(&format!("field 'relay-type' is '{text}', not udp, tcp or tls"))),
        Err(_) => return Err(wrong("field 'relay-type' is no string")),
    };
    let optional = |field: &str| if structure.has_field(field) { string(field).map(Some) } else { Ok(None) };
    let component = number(structure, "component").map_err(|why| wrong(&why))?;
    if let Some(number) = component
        && !(1..=components).contains(&number)
    {
        return Err(wrong(&format!("field 'component' is {number}, but there are only 1 to {components}")));
    }
    Ok(Relay {
        ip: string("ip")?,
        port: port.ok_or_else(|| wrong("field 'port' is not in 1 to 65535"))?,
        username: string("username")?,
        password: string("password")?,
        kind,
        server_name: optional("server-name")?,
        ca_file: optional("ca-file")?,
        component,
    })
}

/// An unsigned or a signed number.
fn number(structure: &gst::StructureRef, field: &str) -> Result<Option<u32>, String> {
    if !structure.has_field(field) {
        return Ok(None);
    }
    let unsigned = structure.get::<u32>(field).ok();
    let signed = || structure.get::<i32>(field).ok().and_then(|n| u32::try_from(n).ok());
    unsigned.or_else(signed).map(Some).ok_or_else(|| format!("field '{field}' is no unsigned number"))
}

/// The parameter's type: a `GPtrArray` of `GstStructure`.
pub(super) struct RelayInfo;

impl StaticType for RelayInfo {
    fn static_type() -> glib::Type {
        // SAFETY: takes nothing, registers the type at first use.
        unsafe { from_glib(glib::ffi::g_ptr_array_get_type()) }
    }
}

/// Copies of the structures in a value of type [`RelayInfo`].
pub(super) fn structures(value: &glib::Value) -> Vec<gst::Structure> {
    if value.type_() != RelayInfo::static_type() {
        return Vec::new();
    }
    // SAFETY: a value of that type holds NULL or an array, whose elements the documentation of the parameter says are
    // structures.
    unsafe {
        let array =
            glib::gobject_ffi::g_value_get_boxed(value.to_glib_none().0).cast::<glib::ffi::GPtrArray>();
        let Some(array) = array.as_ref() else { return Vec::new() };
        (0..array.len as usize)
            .map(|i| (*array.pdata.add(i)).cast::<gst::ffi::GstStructure>())
            .filter(|pointer| !pointer.is_null())
            .map(|pointer| gst::StructureRef::from_glib_borrow(pointer).to_owned())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> gst::structure::Builder {
        gst::init().unwrap();
        gst::Structure::builder("relay")
            .field("ip", "192.0.2.1")
            .field("port", 3478u32)
            .field("username", "alice")
            .field("password", "secret")
    }

    #[test]
    fn entries_of_a_component_replace_those_for_all() {
        gst::init().unwrap();
        let list = [
            good().build(),
            good().field("port", 443i32).field("relay-type", "tcp").field("component", 2u32).build(),
        ];
        let relays = read(&list, 2).unwrap();
        let of = |component| of_component(&relays, component).map(|r| (r.port, r.kind)).collect::<Vec<_>>();
        assert_eq!(of(1), [(3478, Kind::Udp)]);
        assert_eq!(of(2), [(443, Kind::Tcp)]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        gst::init().unwrap();
        for (bad, word) in [
            (gst::Structure::builder("relay").build(), "'port'"),
            (good().field("port", 0u32).build(), "'port'"),
            (good().field("port", 70000u32).build(), "'port'"),
            (good().field("port", "many").build(), "'port'"),
            (good().field("ip", "").build(), "'ip'"),
            (good().field("username", 7).build(), "'username'"),
            (good().field("password", None::<String>).build(), "'password'"),
            (good().field("relay-type", "sctp").build(), "sctp"),
            (good().field("relay-type", "tls").field("server-name", "").build(), "'server-name'"),
            (good().field("relay-type", "tls").field("ca-file", 7).build(), "'ca-file'"),
            (good().field("component", 3u32).build(), "'component' is 3"),
        ] {
            let error = read(&[good().build(), bad], 2).err().unwrap();
            let text = error.message();
            assert!(text.contains(word) && text.contains("entry 2"), "{text} does not name {word}");
            assert!(!text.contains("secret"), "{text} tells a secret");
        }
        let tls = good().field("relay-type", "tls").field("server-name", "turn.example").build();
        let tls = &read(&[tls], 2).unwrap()[0];
        assert_eq!((tls.kind, tls.server_name.as_deref()), (Kind::Tls, Some("turn.example")));
    }

    #[test]
    fn the_value_keeps_its_structures() {
        gst::init().unwrap();
        let list = vec![good().build(), good().field("port", 1u32).build()];
        let adapt = |given: &glib::Value| fs_core::structures::adapt(RelayInfo::static_type(), given);
        let kept = fs_core::structures::pointer_array(list.clone());
        assert_eq!(structures(&kept.clone()), list);
        assert_eq!(structures(&adapt(&kept)), list);
        assert!(structures(&glib::Value::from_type(RelayInfo::static_type())).is_empty());
        assert_eq!(structures(&adapt(&gst::Array::new(list.clone()).to_value())), list);
        assert_eq!(structures(&adapt(&gst::List::new(list.clone()).to_value())), list);
        assert_eq!(structures(&adapt(&list[0].to_value())), list[..1]);
        assert_eq!(adapt(&7.to_value()).get::<i32>().unwrap(), 7);
        let other = fs_core::structures::adapt(glib::Type::STRING, &list[0].to_value());
        assert_eq!(other.get::<gst::Structure>().unwrap(), list[0]);
    }
}
