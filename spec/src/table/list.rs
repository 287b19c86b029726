//! Commands on lists.

use super::words::*;

/// Where a list is read, popped from or pushed to.
const WHERE: &[Arg] = &[token("left", "LEFT"), token("right", "RIGHT")];

pub(crate) const COMMANDS: &[Command] = &[
    command("blmove", 6)
        .summary("Moves an element from one end of a list to an end of another and returns it; waits for one if there is none.")
        .since("6.2.0")
        .complexity("O(1)")
        .flags(WRITE | DENYOOM | BLOCKING)
        .categories(acl::LIST)
        .keys(&[one(1, RW | ACCESS | DELETE), one(2, RW | INSERT)])
        .args(&[
            key("source", 0),
            key("destination", 1),
            one_of("wherefrom", WHERE),
            one_of("whereto", WHERE),
            double("timeout"),
        ]),
    command("blmpop", -5)
        .summary("Removes and returns elements of the first list that has any; waits for one if there is none.")
        .since("7.0.0")
        .complexity("O(N+M) with N keys and M elements returned")
        .flags(WRITE | BLOCKING)
        .categories(acl::LIST)
        .keys(&[counted(2, RW | ACCESS | DELETE)])
        .args(&[
            double("timeout"),
            integer("numkeys"),
            key("key", 0).multiple(),
            one_of("where", WHERE),
            integer("count").token("COUNT").optional(),
        ]),
    command("blpop", -3)
        .summary("Removes and returns the first element of the first list that has any; waits for one if there is none.")
        .since("2.0.0")
        .complexity("O(N) in the number of keys")
        .flags(WRITE | BLOCKING)
        .categories(acl::LIST)
        .keys(&[range(1, -2, 1, RW | ACCESS | DELETE)])
        .args(&[key("key", 0).multiple(), double("timeout")]),
    command("brpop", -3)
        .summary("Removes and returns the last element of the first list that has any; waits for one if there is none.")
        .since("2.0.0")
        .complexity("O(N) in the number of keys")
        .flags(WRITE | BLOCKING)
        .categories(acl::LIST)
        .keys(&[range(1, -2, 1, RW | ACCESS | DELETE)])
        .args(&[key("key", 0).multiple(), double("timeout")]),
    command("brpoplpush", 4)
        .summary("Moves the last element of a list to the head of another and returns it; waits for one if there is none.")
        .since("2.2.0")
        .complexity("O(1)")
        .flags(WRITE | DENYOOM | BLOCKING)
        .categories(acl::LIST)
        .keys(&[one(1, RW | ACCESS | DELETE), one(2, RW | INSERT)])
        .deprecated("6.2.0", "`BLMOVE` with the `RIGHT` and `LEFT` arguments")
        .args(&[key("source", 0), key("destination", 1), double("timeout")]),
    command("lindex", 3)
        .summary("Returns the element at an index of a list.")
        .since("1.0.0")
        .complexity("O(N) in the distance to the nearer end")
        .flags(READONLY)
        .categories(acl::LIST)
        .keys(&[one(1, RO | ACCESS)])
        .args(&[key("key", 0), integer("index")]),
    command("linsert", 5)
        .summary("Puts an element before or after another one of a list.")
        .since("2.2.0")
        .complexity("O(N) in the elements before the pivot")
        .flags(WRITE | DENYOOM)
        .categories(acl::LIST)
        .keys(&[one(1, RW | INSERT)])
        .args(&[
            key("key", 0),
            one_of("where", &[token("before", "BEFORE"), token("after", "AFTER")]),
            string("pivot"),
            string("element"),
        ]),
    command("llen", 2)
        .summary("Returns the number of elements of a list.")
        .since("1.0.0")
        .complexity("O(1)")
        .flags(READONLY | FAST)
        .categories(acl::LIST)
        .keys(&[one(1, RO)])
        .args(&[key("key", 0)]),
    command("lmove", 5)
        .summary("Moves an element from one end of a list to an end of another and returns it.")
        .since("6.2.0")
        .complexity("O(1)")
        .flags(WRITE | DENYOOM)
        .categories(acl::LIST)
        .keys(&[one(1, RW | ACCESS | DELETE), one(2, RW | INSERT)])
        .args(&[
            key("source", 0),
            key("destination", 1),
            one_of("wherefrom", WHERE),
            one_of("whereto", WHERE),
        ]),
    command("lmpop", -4)
        .summary("Removes and returns elements of the first list that has any.")
        .since("7.0.0")
        .complexity("O(N+M) with N keys and M elements returned")
        .flags(WRITE)
        .categories(acl::LIST)
        .keys(&[counted(1, RW | ACCESS | DELETE)])
        .args(&[
            integer("numkeys"),
            key("key", 0).multiple(),
            one_of("where", WHERE),
            integer("count").token("COUNT").optional(),
        ]),
    command("lpop", -2)
        .summary("Removes and returns the first elements of a list.")
        .since("1.0.0")
        .complexity("O(N) in the elements returned")
        .flags(WRITE | FAST)
        .categories(acl::LIST)
        .keys(&[one(1, RW | ACCESS | DELETE)])
        .args(&[key("key", 0), integer("count").since("6.2.0").optional()]),
    command("lpos", -3)
        .summary("Returns the index of elements of a list that equal a value.")
        .since("6.0.6")
        .complexity("O(N) in the elements looked at")
        .flags(READONLY)
        .categories(acl::LIST)
        .keys(&[one(1, RO | ACCESS)])
        .args(&[
            key("key", 0),
            string("element"),
            integer("rank").token("RANK").optional(),
            integer("num-matches").token("COUNT").optional(),
            integer("len").token("MAXLEN").optional(),
        ]),
    command("lpush", -3)
        .summary("Puts elements before the first of a list, which is created when missing.")
        .since("1.0.0")
        .complexity("O(1) for each element")
        .flags(WRITE | DENYOOM | FAST)
        .categories(acl::LIST)
        .keys(&[one(1, RW | INSERT)])
        .args(&[key("key", 0), string("element").multiple()]),
    command("lpushx", -3)
        .summary("Puts elements before the first of a list, if there is one.")
        .since("2.2.0")
        .complexity("O(1) for each element")
        .flags(WRITE | DENYOOM | FAST)
        .categories(acl::LIST)
        .keys(&[one(1, RW | INSERT)])
        .args(&[key("key", 0), string("element").multiple()]),
    command("lrange", 4)
        .summary("Returns the elements of a list between two indexes.")
        .since("1.0.0")
        .complexity("O(S+N) with S the distance of the start to the nearer end and N elements returned")
        .flags(READONLY)
        .categories(acl::LIST)
        .keys(&[one(1, RO | ACCESS)])
        .args(&[key("key", 0), integer("start"), integer("stop")]),
    command("lrem", 4)
        .summary("Removes elements that equal a value from a list.")
        .since("1.0.0")
        .complexity("O(N+M) with N elements in the list and M removed")
        .flags(WRITE)
        .categories(acl::LIST)
        .keys(&[one(1, RW | DELETE)])
        .args(&[key("key", 0), integer("count"), string("element")]),
    command("lset", 4)
        .summary("Replaces the element at an index of a list.")
        .since("1.0.0")
        .complexity("O(N) in the distance to the nearer end")
        .flags(WRITE | DENYOOM)
        .categories(acl::LIST)
        .keys(&[one(1, RW | UPDATE)])
        .args(&[key("key", 0), integer("index"), string("element")]),
    command("ltrim", 4)
        .summary("Removes what is not between two indexes from a list.")
        .since("1.0.0")
        .complexity("O(N) in the elements removed")
        .flags(WRITE)
        .categories(acl::LIST)
        .keys(&[one(1, RW | DELETE)])
        .args(&[key("key", 0), integer("start"), integer("stop")]),
    command("rpop", -2)
        .summary("Removes and returns the last elements of a list.")
        .since("1.0.0")
        .complexity("O(N) in the elements returned")
        .flags(WRITE | FAST)
        .categories(acl::LIST)
        .keys(&[one(1, RW | ACCESS | DELETE)])
        .args(&[key("key", 0), integer("count").since("6.2.0").optional()]),
    command("rpoplpush", 3)
        .summary("Moves the last element of a list to the head of another and returns it.")
        .since("1.2.0")
        .complexity("O(1)")
        .flags(WRITE | DENYOOM)
        .categories(acl::LIST)
        .keys(&[one(1, RW | ACCESS | DELETE), one(2, RW | INSERT)])
        .deprecated("6.2.0", "`LMOVE` with the `RIGHT` and `LEFT` arguments")
        .args(&[key("source", 0), key("destination", 1)]),
    command("rpush", -3)
        .summary("Puts elements behind the last of a list, which is created when missing.")
        .since("1.0.0")
        .complexity("O(1) for each element")
        .flags(WRITE | DENYOOM | FAST)
        .categories(acl::LIST)
        .keys(&[one(1, RW | INSERT)])
        .args(&[key("key", 0), string("element").multiple()]),
    command("rpushx", -3)
        .summary("Puts elements behind the last of a list, if there is one.")
        .since("2.2.0")
        .complexity("O(1) for each element")
        .flags(WRITE | DENYOOM | FAST)
        .categories(acl::LIST)
        .keys(&[one(1, RW | INSERT)])
        .args(&[key("key", 0), string("element").multiple()]),
];
