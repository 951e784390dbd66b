# Writes small.jsonl: 200 requests of a made-up chat service. awk -f make.awk > small.jsonl
#
# Every conversation begins with the same system prompt. A request begins a conversation or takes up an earlier one: its
# prompt is then that conversation's last prompt, the answer to it and a new message. Whole blocks of a prompt keep their ids
# in the next turn, the last, partial one does not. Numbers are drawn by a linear congruential generator (Park and Miller), so
# that every awk writes the same file.
function uniform() {
    state = state * 16807 % 2147483647
    return state / 2147483647
}
# Tokens of a new message: mostly short, one in twelve a document.
function message(u) {
    u = uniform()
    return 40 + int(3500 * u * u * u) + (uniform() < 1 / 12 ? 4000 + int(20000 * uniform()) : 0)
}
BEGIN {
    state = 384
    block = 512
    system_tokens = 700 # one whole block, the same for all
    ids = 1             # id 0 is that block
    for (request = 0; request < 200; request++) {
        time += int(900 * uniform() * uniform())
        if (talks == 0 || uniform() < 0.55) {
            talk = talks++
            tokens[talk] = system_tokens
            whole[talk] = 1
            id[talk, 0] = 0
        } else {
            talk = int(talks * uniform())
        }
        tokens[talk] += message()
        blocks = int((tokens[talk] + block - 1) / block)
        list = ""
        for (b = 0; b < blocks; b++) {
            if (b >= whole[talk])
                id[talk, b] = ids++
            list = list (b ? ", " : "") id[talk, b]
        }
        whole[talk] = int(tokens[talk] / block)
        answer = 1 + int(800 * uniform() * uniform())
        printf "{\"timestamp\": %d, \"input_length\": %d, \"output_length\": %d, \"hash_ids\": [%s]}\n", time, tokens[talk], answer, list
        tokens[talk] += answer
    }
}
