//! Commands on sorted sets whose scores are places on earth.

use super::words::*;

pub(crate) const COMMANDS: &[Command] = &[
    command("geoadd", -5)
        .summary("Adds members with a place on earth to a sorted set, or moves them.")
        .since("3.2.0")
        .complexity("O(log N) per member, of N in the key")
        .flags(WRITE | DENYOOM)
        .categories(acl::GEO)
        .keys(&[one(1, RW | UPDATE)])
        .args(&[
            key("key", 0),
            one_of("condition", &[token("nx", "NX"), token("xx", "XX")]).since("6.2.0").optional(),
            token("change", "CH").since("6.2.0").optional(),
            block("data", &[double("longitude"), double("latitude"), string("member")]).multiple(),
        ]),
    command("geodist", -4)
        .summary("Returns the distance between two members.")
        .since("3.2.0")
        .complexity("O(1)")
        .flags(READONLY)
        .categories(acl::GEO)
        .keys(&[one(1, RO | ACCESS)])
        .args(&[
            key("key", 0),
            string("member1"),
            string("member2"),
            one_of("unit", &[token("m", "M"), token("km", "KM"), token("ft", "FT"), token("mi", "MI")])
                .optional(),
        ]),
    command("geohash", -2)
        .summary("Returns the geohash texts of members.")
        .since("3.2.0")
        .complexity("O(1) per member")
        .flags(READONLY)
        .categories(acl::GEO)
        .keys(&[one(1, RO | ACCESS)])
        .args(&[key("key", 0), string("member").optional().multiple()]),
    command("geopos", -2)
        .summary("Returns longitude and latitude of members.")
        .since("3.2.0")
        .complexity("O(1) per member")
        .flags(READONLY)
        .categories(acl::GEO)
        .keys(&[one(1, RO | ACCESS)])
        .args(&[key("key", 0), string("member").optional().multiple()]),
    command("georadius", -6)
        .summary("Finds the members around a point, and stores them if asked to.")
        .since("3.2.0")
        .complexity("O(N + log M) for N members around the shape, of M in the key")
        .flags(WRITE | DENYOOM)
        .categories(acl::GEO)
        .keys(&[one(1, RO | ACCESS), behind("STORE", 6, OW | UPDATE), behind("STOREDIST", 6, OW | UPDATE)])
        .args(&[
            key("key", 0),
            double("longitude"),
            double("latitude"),
            double("radius"),
            one_of("unit", &[token("m", "M"), token("km", "KM"), token("ft", "FT"), token("mi", "MI")]),
            token("withcoord", "WITHCOORD").optional(),
            token("withdist", "WITHDIST").optional(),
            token("withhash", "WITHHASH").optional(),
            block(
                "count-block",
                &[integer("count").token("COUNT"), token("any", "ANY").since("6.2.0").optional()],
            )
            .optional(),
            one_of("order", &[token("asc", "ASC"), token("desc", "DESC")]).optional(),
            one_of(
                "store",
                &[
                    key("storekey", 1).token("STORE").shown("key"),
                    key("storedistkey", 2).token("STOREDIST").shown("key"),
                ],
            )
            .optional(),
        ])
        .deprecated("6.2.0", "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument"),
    command("georadiusbymember", -5)
        .summary("Finds the members around another one, and stores them if asked to.")
        .since("3.2.0")
        .complexity("O(N + log M) for N members around the shape, of M in the key")
        .flags(WRITE | DENYOOM)
        .categories(acl::GEO)
        .keys(&[one(1, RO | ACCESS), behind("STORE", 5, OW | UPDATE), behind("STOREDIST", 5, OW | UPDATE)])
        .args(&[
            key("key", 0),
            string("member"),
            double("radius"),
            one_of("unit", &[token("m", "M"), token("km", "KM"), token("ft", "FT"), token("mi", "MI")]),
            token("withcoord", "WITHCOORD").optional(),
            token("withdist", "WITHDIST").optional(),
            token("withhash", "WITHHASH").optional(),
            block("count-block", &[integer("count").token("COUNT"), token("any", "ANY").optional()])
                .optional(),
            one_of("order", &[token("asc", "ASC"), token("desc", "DESC")]).optional(),
            one_of(
                "store",
                &[
                    key("storekey", 1).token("STORE").shown("key"),
                    key("storedistkey", 2).token("STOREDIST").shown("key"),
                ],
            )
            .optional(),
        ])
        .deprecated(
            "6.2.0",
            "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` arguments",
        ),
    command("georadiusbymember_ro", -5)
        .summary("Finds the members around another one.")
        .since("3.2.10")
        .complexity("O(N + log M) for N members around the shape, of M in the key")
        .flags(READONLY)
        .categories(acl::GEO)
        .keys(&[one(1, RO | ACCESS)])
        .args(&[
            key("key", 0),
            string("member"),
            double("radius"),
            one_of("unit", &[token("m", "M"), token("km", "KM"), token("ft", "FT"), token("mi", "MI")]),
            token("withcoord", "WITHCOORD").optional(),
            token("withdist", "WITHDIST").optional(),
            token("withhash", "WITHHASH").optional(),
            block("count-block", &[integer("count").token("COUNT"), token("any", "ANY").optional()])
                .optional(),
            one_of("order", &[token("asc", "ASC"), token("desc", "DESC")]).optional(),
        ])
        .deprecated("6.2.0", "`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments"),
    command("georadius_ro", -6)
        .summary("Finds the members around a point.")
        .since("3.2.10")
        .complexity("O(N + log M) for N members around the shape, of M in the key")
        .flags(READONLY)
        .categories(acl::GEO)
        .keys(&[one(1, RO | ACCESS)])
        .args(&[
            key("key", 0),
            double("longitude"),
            double("latitude"),
            double("radius"),
            one_of("unit", &[token("m", "M"), token("km", "KM"), token("ft", "FT"), token("mi", "MI")]),
            token("withcoord", "WITHCOORD").optional(),
            token("withdist", "WITHDIST").optional(),
            token("withhash", "WITHHASH").optional(),
            block(
                "count-block",
                &[integer("count").token("COUNT"), token("any", "ANY").since("6.2.0").optional()],
            )
            .optional(),
            one_of("order", &[token("asc", "ASC"), token("desc", "DESC")]).optional(),
        ])
        .deprecated("6.2.0", "`GEOSEARCH` with the `BYRADIUS` argument"),
    command("geosearch", -7)
        .summary("Finds the members inside a circle, a box or a polygon.")
        .since("6.2.0")
        .complexity("O(N + log M) for N members around the shape, of M in the key")
        .flags(READONLY)
        .categories(acl::GEO)
        .keys(&[one(1, RO | ACCESS)])
        .args(&[
            key("key", 0),
            one_of(
                "from",
                &[
                    string("member").token("FROMMEMBER"),
                    block("fromlonlat", &[double("longitude"), double("latitude")]).token("FROMLONLAT"),
                ],
            )
            .optional(),
            one_of(
                "by",
                &[
                    block(
                        "circle",
                        &[
                            double("radius").token("BYRADIUS"),
                            one_of(
                                "unit",
                                &[token("m", "M"), token("km", "KM"), token("ft", "FT"), token("mi", "MI")],
                            ),
                        ],
                    ),
                    block(
                        "box",
                        &[
                            double("width").token("BYBOX"),
                            double("height"),
                            one_of(
                                "unit",
                                &[token("m", "M"), token("km", "KM"), token("ft", "FT"), token("mi", "MI")],
                            ),
                        ],
                    ),
                    block(
                        "polygon",
                        &[
                            integer("num-vertices").token("BYPOLYGON"),
                            block("vertex", &[double("longitude"), double("latitude")]).multiple(),
                        ],
                    )
                    .since("9.0.0"),
                ],
            ),
            one_of("order", &[token("asc", "ASC"), token("desc", "DESC")]).optional(),
            block("count-block", &[integer("count").token("COUNT"), token("any", "ANY").optional()])
                .optional(),
            token("withcoord", "WITHCOORD").optional(),
            token("withdist", "WITHDIST").optional(),
            token("withhash", "WITHHASH").optional(),
        ]),
    command("geosearchstore", -8)
        .summary("Finds the members inside a circle, a box or a polygon and stores them.")
        .since("6.2.0")
        .complexity("O(N + log M) for N members around the shape, of M in the key")
        .flags(WRITE | DENYOOM)
        .categories(acl::GEO)
        .keys(&[one(1, OW | UPDATE), one(2, RO | ACCESS)])
        .args(&[
            key("destination", 0),
            key("source", 1),
            one_of(
                "from",
                &[
                    string("member").token("FROMMEMBER"),
                    block("fromlonlat", &[double("longitude"), double("latitude")]).token("FROMLONLAT"),
                ],
            )
            .optional(),
            one_of(
                "by",
                &[
                    block(
                        "circle",
                        &[
                            double("radius").token("BYRADIUS"),
                            one_of(
                                "unit",
                                &[token("m", "M"), token("km", "KM"), token("ft", "FT"), token("mi", "MI")],
                            ),
                        ],
                    ),
                    block(
                        "box",
                        &[
                            double("width").token("BYBOX"),
                            double("height"),
                            one_of(
                                "unit",
                                &[token("m", "M"), token("km", "KM"), token("ft", "FT"), token("mi", "MI")],
                            ),
                        ],
                    ),
                    block(
                        "polygon",
                        &[
                            integer("num-vertices").token("BYPOLYGON"),
                            block("vertex", &[double("longitude"), double("latitude")]).multiple(),
                        ],
                    )
                    .since("9.0.0"),
                ],
            ),
            one_of("order", &[token("asc", "ASC"), token("desc", "DESC")]).optional(),
            block("count-block", &[integer("count").token("COUNT"), token("any", "ANY").optional()])
                .optional(),
            token("storedist", "STOREDIST").optional(),
        ]),
];
