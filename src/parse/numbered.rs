//! Lists of names and their numbers, written once, so that they cannot disagree.

/// Writes `FIELDS`, the names of a log's fields, and `field`, their numbers: those of the names first and then those of
/// fields that have no name of the log.
macro_rules! fields {
    (
        $(#[$about:meta])*
        FIELDS { $($(#[$comment:meta])* $number:ident $name:literal)* }
        DERIVED { $($(#[$derived_comment:meta])* $derived:ident)* }
    ) => {
        $(#[$about])*
        pub const FIELDS: [&str; [$($name),*].len()] = [$($name),*];

        /// Numbers of the fields.
        #[allow(missing_docs)]
        pub mod field {
            #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
            enum Number { $($number,)* $($derived,)* Width }

            $($(#[$comment])* pub const $number: usize = Number::$number as usize;)*
            $($(#[$derived_comment])* pub const $derived: usize = Number::$derived as usize;)*
            /// Fields a row of the table.
            pub const WIDTH: usize = Number::Width as usize;
        }
    };
}

/// Writes `FLAGS`, the names of what can be unusual about a record, and `flag`, their bits.
macro_rules! flags {
    ($(#[$about:meta])* FLAGS { $($(#[$comment:meta])* $flag:ident $name:literal)* }) => {
        $(#[$about])*
        pub const FLAGS: [&str; [$($name),*].len()] = [$($name),*];

        /// Bits of [`FLAGS`].
        #[allow(missing_docs)]
        pub mod flag {
            #[allow(non_camel_case_types)]
            enum Bit { $($flag),* }

            $($(#[$comment])* pub const $flag: u32 = 1 << Bit::$flag as u32;)*
        }
    };
}

pub(super) use {fields, flags};
