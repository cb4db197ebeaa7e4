# The tables of scripts/bench access: medians of the rounds, and of the ratios within each round.
{ rounds[$1]++; rate[$1, rounds[$1]] = $2; p99[$1, rounds[$1]] = $3; errors[$1] += $4 }

function median(values, n,    i, j, t) {
    for (i = 2; i <= n; i++) for (j = i; j > 1 && values[j - 1] > values[j]; j--) { t = values[j]; values[j] = values[j - 1]; values[j - 1] = t }
    return n % 2 ? values[(n + 1) / 2] : (values[n / 2] + values[n / 2 + 1]) / 2
}

function of(cells, name, other,    i, n, values) {
    n = rounds[name]
    for (i = 1; i <= n; i++) values[i] = other ? cells[name, i] / cells[other, i] : cells[name, i]
    return median(values, n)
}

function row(text, name, other) {
    printf "| %s | %.0f | %.2f | %d | %s |\n", text, of(rate, name), of(p99, name), errors[name], other ? sprintf("%.2f", of(rate, name, other)) : ""
}

END {
    print "| requests | requests/s | p99 ms | errors | ratio |"
    print "|---|--:|--:|--:|--:|"
    row("keyed creates at 64, `ORDERS_AUTH=none`", "create-none")
    row("the same, `keys`", "create-keys", "create-none")
    row("the same, `jwt`", "create-jwt", "create-none")
    row("reads at 256, `none`", "read-none")
    row("the same, `keys`", "read-keys", "read-none")
    row("the same, `jwt`", "read-jwt", "read-none")
    row("keyed creates at 256, one tenant", "tenants-one")
    row("the same, 256 tenants", "tenants-many", "tenants-one")
    row("keyed creates by one connection of a quiet tenant, alone", "quiet-alone")
    row("the same, while another tenant floods with 256", "quiet-flooded", "quiet-alone")
    row("the flood", "flood")
    row("admitted by three instances that share 3,000/s through Redis", "limit-with")
    row("the same while Redis is away", "limit-without")
    printf "\nMedians of %d rounds in turns; each ratio is the median of the ratios within the rounds.", rounds["create-none"]
    printf " The p99 of the quiet tenant during the flood is %.1f times of its p99 alone.\n\n", of(p99, "quiet-flooded", "quiet-alone")
}
