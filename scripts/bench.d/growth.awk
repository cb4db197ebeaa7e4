# Makes the table of growth.sh from the lines of `measure`, each after a line "size SIZE".
BEGIN {
    name["keyed"] = "`POST /orders` with `Idempotency-Key`"
    name["read"] = "`GET /orders/{id}`"
    name["list"] = "`GET /orders`, the first 50"
}

$1 == "size" { size = $2; if (!seen[size]++) sizes[++count] = size }
$1 == "service" {
    cell = $2 SUBSEP size
    runs[cell]++
    service[cell] += $5 - $4
    postgres[cell] += $7 - $6
    successes[cell] += $8
    errors[cell] += $9
    took[cell] += $10 / 1e6
    p50[cell] += $11 / 1000
    p99[cell] += $12 / 1000
    if ($13 / 1000 > longest[cell]) longest[cell] = $13 / 1000
}

function each_thousand(seconds, count) { return count ? sprintf("%.3f", seconds * 1000 / count) : "" }

function thousands(n) { return n < 1000 ? n "" : thousands(int(n / 1000)) "," sprintf("%03d", n % 1000) }

function rows(work,    i, cell, rate, empty) {
    for (i = 1; i <= count; i++) {
        cell = work SUBSEP sizes[i]
        rate = successes[cell] / took[cell]
        if (i == 1) empty = rate
        printf "| %s | %s | %.0f | %.2f | %.2f | %.2f | %d | %s | %s | %.2f |\n", name[work], thousands(sizes[i]), rate, \
            p50[cell] / runs[cell], p99[cell] / runs[cell], longest[cell], errors[cell], \
            each_thousand(service[cell], successes[cell]), each_thousand(postgres[cell], successes[cell]), rate / empty
    }
}

END {
    print "| work | orders stored before | requests/s | p50 ms | p99 ms | max ms | errors | service, CPU s per 1,000 | PostgreSQL, CPU s per 1,000 | ratio to empty |"
    print "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
    rows("keyed")
    rows("read")
    rows("list")
    print "\nBy 64 connections. The sizes alternated, in two rounds; percentiles are the means of both. Reads are of orders of all ages.\n"
}
