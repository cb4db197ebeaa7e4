# shellcheck shell=bash
# shellcheck disable=SC2154 # service.sh sets the variables
# All pages of a list of a million orders, from the first to the last. A part of scripts/bench.

paging() {
    local filter
    fresh_database
    start_service
    say 'storing a million orders'
    sql -f scripts/bench.d/million.sql
    printf '| list | pages | first 100, median ms | middle 100 | last 100 | last / first |\n|---|--:|--:|--:|--:|--:|\n'
    for filter in '' 'customer_id=customer-7&' 'status=open&'; do
        say "reading all pages: ${filter:-no filter}"
        python3 scripts/bench.d/pages.py "$url" "$filter"
    done
    echo
}
