//! Construction parameters of stream transmitters: checked before GObject sees them.

use glib::prelude::*;

/// Makes a stream transmitter of type `T` with these parameters.
///
/// # Errors
/// `INVALID_ARGUMENTS` for a parameter that the type does not have, that cannot be set, that is given twice, has another
/// type or a value out of range; the text names it.
pub(super) fn construct<T>(transmitter: &str, parameters: &[(String, glib::Value)]) -> Result<T, glib::Error>
where
    T: IsA<glib::Object> + glib::object::IsClass,
{
    let class = glib::object::ObjectClass::from_type(T::static_type()).ok_or_else(|| {
        invalid(&format!("transmitter {transmitter}: type {} has no class", T::static_type()))
    })?;
    let mut builder = glib::Object::builder::<T>();
    for (i, (name, value)) in parameters.iter().enumerate() {
        let canonical = name.replace('_', "-");
        let Some(pspec) = class.find_property(&canonical) else {
            let known: Vec<String> = class.list_properties().iter().map(|p| p.name().to_string()).collect();
            return Err(invalid(&format!(
                "transmitter {transmitter} has no parameter '{name}'; it knows {}",
                known.join(", ")
            )));
        };
        if parameters[..i].iter().any(|(earlier, _)| earlier.replace('_', "-") == canonical) {
            return Err(invalid(&format!("transmitter {transmitter}: parameter '{name}' is given twice")));
        }
        builder = builder.property(pspec.name(), checked(transmitter, &pspec, value)?);
    }
    Ok(builder.build())
}

/// The value in the parameter's own type, if it is one that it may have.
fn checked(
    transmitter: &str,
    pspec: &glib::ParamSpec,
    value: &glib::Value,
) -> Result<glib::Value, glib::Error> {
    let (name, wanted) = (pspec.name(), pspec.value_type());
    if !pspec.flags().contains(glib::ParamFlags::WRITABLE) {
        return Err(invalid(&format!("transmitter {transmitter}: parameter '{name}' cannot be set")));
    }
    let value = fs_core::structures::adapt(wanted, value);
    let converted = value.transform_with_type(wanted).map_err(|_| {
        invalid(&format!(
            "transmitter {transmitter}: parameter '{name}' is of type {wanted}, not {}",
            value.type_()
        ))
    })?;
    if !pspec.value_is_valid(&converted) {
        return Err(invalid(&format!(
            "transmitter {transmitter}: {value:?} is out of range for parameter '{name}'"
        )));
    }
    Ok(converted)
}

fn invalid(text: &str) -> glib::Error {
    glib::Error::new(fs_core::Error::InvalidArguments, text)
}
