#!/usr/bin/env bash
# Bid in an auction with little more than bash, and print the decision:
#
#   bash bid.sh 127.0.0.1 4222 team lot-7 coder 12
#
# Names are taken as they are, so only the characters A-Z a-z 0-9 _ - may stand in them. An
# auction that is cancelled or cannot be held has no decision: then this waits for ever.
set -euo pipefail
host=$1 port=$2 space=$3 session=$4 agent=$5 amount=$6
export LC_ALL=C # so that ${#text} counts bytes, as NATS does

id=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
inbox=_INBOX.$id
address=mabeam.$space.session.$session

bid='{"specversion": "1.0", "id": "'$id'", "source": "/agents/'$agent'",
  "type": "mabeam.auction.bid_placed.v1", "subject": "session/'$session'",
  "datacontenttype": "application/json", "data": {"amount": '$amount'}}'

# Only the coordinator's word is a decision. Reading from the first event on misses nothing.
follower='{"stream_name": "mabeam_'$space'", "config": {"deliver_policy": "all",
  "filter_subject": "'$address'.decided.coordinator",
  "deliver_subject": "'$inbox'.event", "ack_policy": "none"}}'

publish() { # SUBJECT MESSAGE_ID BODY: within ten minutes the log takes a message id only once
  local head=$'NATS/1.0\r\nNats-Msg-Id: '$2$'\r\n\r\n'
  printf 'HPUB %s %s %d %d\r\n%s%s\r\n' \
    "$1" "$inbox.answer" ${#head} $((${#head} + ${#3})) "$head" "$3" >&3
}

exec 3<>"/dev/tcp/$host/$port"
printf 'CONNECT {"verbose":false,"headers":true,"no_responders":true}\r\n' >&3
printf 'SUB %s %d\r\n' "$inbox.answer" 1 "$inbox.event" 2 >&3
publish "$address.bid_placed.$agent" "$id" "$bid"

# Bodies of answers and decisions are lines as well, for they are JSON without line breaks.
while IFS= read -r line <&3; do
  line=${line%$'\r'}
  case $line in
  PING) printf 'PONG\r\n' >&3 ;;
  'NATS/1.0 503'*) echo "there is no space $space" >&2 && exit 1 ;;
  -ERR* | *'"error"'*) echo "$line" >&2 && exit 1 ;;
  '{"stream":"mabeam_'"$space"'"'*)
    echo "recorded: $line"
    publish "\$JS.API.CONSUMER.CREATE.mabeam_$space" "" "$follower"
    ;;
  '{"specversion":'*) echo "$line" && exit ;;
  esac
done
echo "the server closed the connection" >&2
exit 1
