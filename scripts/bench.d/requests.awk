# Makes the table of requests.sh from its measurements:
#   service WORK CONNECTIONS SERVICE-CPU-BEFORE -AFTER POSTGRESQL-CPU-BEFORE -AFTER SUCCESSES ERRORS MICROSECONDS P50 P99 MAX
#   pgbench WORK CLIENTS POSTGRESQL-CPU-BEFORE -AFTER SUCCESSES ERRORS RATE MEAN
BEGIN {
    name["service", "create"] = "`POST /orders`"
    name["service", "keyed"] = "`POST /orders` with `Idempotency-Key`"
    name["service", "items"] = "the same with 3 items"
    name["service", "add"] = "`POST /orders/{id}/items`, distinct orders"
    name["service", "hot"] = "the same, one hot order"
    name["service", "read"] = "`GET /orders/{id}`"
    name["service", "list"] = "`GET /orders`, the first 50"
    name["pgbench", "single"] = "pgbench: an order and its event in one statement"
    name["pgbench", "transaction"] = "pgbench: the same in a transaction with the head's update"
    name["pgbench", "read"] = "pgbench: select an order by its key"
    # The work of pgbench to compare with. There is none for a list.
    pair["create"] = pair["keyed"] = pair["items"] = pair["add"] = pair["hot"] = "single"
    pair["single"] = pair["transaction"] = "single"
    pair["read"] = "read"
}

function each_thousand(seconds, count) { return count ? sprintf("%.3f", seconds * 1000 / count) : "" }

# A round begins with a run of the one statement.
$1 == "pgbench" && $2 == "single" { round++ }
{ by[NR] = $1; work[NR] = $2; connections[NR] = $3; round_of[NR] = round }
$1 == "service" {
    rate[NR] = $8 / ($10 / 1e6)
    row[NR] = sprintf("%.2f | %.2f | %.2f | %d", $11 / 1000, $12 / 1000, $13 / 1000, $9)
    row[NR] = row[NR] " | " each_thousand($5 - $4, $8) " | " each_thousand($7 - $6, $8)
}
$1 == "pgbench" {
    rate[NR] = $8
    row[NR] = sprintf("%.2f (mean) | | | %d | | %s", $9, $7, each_thousand($5 - $4, $6))
    then[$2, round] = $8
    if ($8 > best[$2]) best[$2] = $8
}

function rows(which_by, which_work,    i, other, ratios) {
    for (i = 1; i <= NR; i++) {
        if (by[i] != which_by || work[i] != which_work) continue
        ratios = "|"
        if (which_work in pair) {
            other = pair[which_work]
            ratios = sprintf("%.2f | %.2f", rate[i] / then[other, round_of[i]], rate[i] / best[other])
        }
        printf "| %s | %d | %.0f | %s | %s |\n", name[which_by, which_work], connections[i], rate[i], row[i], ratios
    }
}

END {
    print "| work | connections | requests/s | p50 ms | p99 ms | max ms | errors | service, CPU s per 1,000 | PostgreSQL, CPU s per 1,000 | of pgbench before it | of its best |"
    print "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
    split("create keyed items add hot read list", works, " ")
    for (i = 1; i in works; i++) rows("service", works[i])
    rows("pgbench", "single")
    rows("pgbench", "transaction")
    rows("pgbench", "read")
    print ""
    print "Writes are compared with the one statement, and reads of an order with the select: with the run of pgbench just before, and with the best of its runs."
    printf "The best run of the transaction reached %.0f/s.", best["transaction"]
    printf " Creates with a key, divided by that:"
    for (i = 1; i <= NR; i++) if (work[i] == "keyed") printf "%s %.2f at %d", count++ ? "," : "", rate[i] / best["transaction"], connections[i]
    print "."
}
