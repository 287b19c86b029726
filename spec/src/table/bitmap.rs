//! Commands on strings as arrays of bits.

use super::words::*;

pub(crate) const COMMANDS: &[Command] = &[
    command("bitcount", -2)
        .summary("Counts the bits that are set in a string or a part of it.")
        .since("2.6.0")
        .complexity("O(N)")
        .flags(READONLY)
        .categories(acl::BITMAP)
        .keys(&[one(1, RO | ACCESS)])
        .args(&[
            key("key", 0),
            block(
                "range",
                &[
                    integer("start"),
                    integer("end"),
                    one_of("unit", &[token("byte", "BYTE"), token("bit", "BIT")]).since("7.0.0").optional(),
                ],
            )
            .optional(),
        ]),
    command("bitfield", -2)
        .summary("Reads and changes integers of any width inside a string.")
        .since("3.2.0")
        .complexity("O(1) per operation")
        .flags(WRITE | DENYOOM)
        .categories(acl::BITMAP)
        .keys(&[one(1, RW | ACCESS | UPDATE | VARIABLE_FLAGS).notes("reads, and writes with SET or INCRBY")])
        .args(&[
            key("key", 0),
            one_of(
                "operation",
                &[
                    block("get-block", &[string("encoding"), integer("offset")]).token("GET"),
                    block(
                        "write",
                        &[
                            one_of(
                                "overflow-block",
                                &[token("wrap", "WRAP"), token("sat", "SAT"), token("fail", "FAIL")],
                            )
                            .token("OVERFLOW")
                            .optional(),
                            one_of(
                                "write-operation",
                                &[
                                    block(
                                        "set-block",
                                        &[string("encoding"), integer("offset"), integer("value")],
                                    )
                                    .token("SET"),
                                    block(
                                        "incrby-block",
                                        &[string("encoding"), integer("offset"), integer("increment")],
                                    )
                                    .token("INCRBY"),
                                ],
                            ),
                        ],
                    ),
                ],
            )
            .optional()
            .multiple(),
        ]),
    command("bitfield_ro", -2)
        .summary("Reads integers of any width inside a string.")
        .since("6.0.0")
        .complexity("O(1) per operation")
        .flags(READONLY | FAST)
        .categories(acl::BITMAP)
        .keys(&[one(1, RO | ACCESS)])
        .args(&[
            key("key", 0),
            block("get-block", &[string("encoding"), integer("offset")]).token("GET").optional().token_each(),
        ]),
    command("bitop", -4)
        .summary("Combines strings bit by bit and stores the result.")
        .since("2.6.0")
        .complexity("O(N)")
        .flags(WRITE | DENYOOM)
        .categories(acl::BITMAP)
        .keys(&[one(2, OW | UPDATE), range(3, -1, 1, RO | ACCESS)])
        .args(&[
            one_of(
                "operation",
                &[
                    token("and", "AND"),
                    token("or", "OR"),
                    token("xor", "XOR"),
                    token("not", "NOT"),
                    token("diff", "DIFF").since("8.2.0"),
                    token("diff1", "DIFF1").since("8.2.0"),
                    token("andor", "ANDOR").since("8.2.0"),
                    token("one", "ONE").since("8.2.0"),
                ],
            ),
            key("destkey", 0),
            key("key", 1).multiple(),
        ]),
    command("bitpos", -3)
        .summary("Finds the first bit that is set, or clear, in a string.")
        .since("2.8.7")
        .complexity("O(N)")
        .flags(READONLY)
        .categories(acl::BITMAP)
        .keys(&[one(1, RO | ACCESS)])
        .args(&[
            key("key", 0),
            integer("bit"),
            block(
                "range",
                &[
                    integer("start"),
                    block(
                        "end-unit-block",
                        &[
                            integer("end"),
                            one_of("unit", &[token("byte", "BYTE"), token("bit", "BIT")])
                                .since("7.0.0")
                                .optional(),
                        ],
                    )
                    .optional(),
                ],
            )
            .optional(),
        ]),
    command("getbit", 3)
        .summary("Returns one bit of a string.")
        .since("2.2.0")
        .complexity("O(1)")
        .flags(READONLY | FAST)
        .categories(acl::BITMAP)
        .keys(&[one(1, RO | ACCESS)])
        .args(&[key("key", 0), integer("offset")]),
    command("setbit", 4)
        .summary("Sets or clears one bit of a string, which is created when missing.")
        .since("2.2.0")
        .complexity("O(1)")
        .flags(WRITE | DENYOOM)
        .categories(acl::BITMAP)
        .keys(&[one(1, RW | ACCESS | UPDATE)])
        .args(&[key("key", 0), integer("offset"), integer("value")]),
];
