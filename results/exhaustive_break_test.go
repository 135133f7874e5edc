package results

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/results/report"
)

// breaking breaks a log by one fault.
type breaking struct {
	fault
	log    string
	truth  *Report
	lines  []string  // with their ends
	at     []int     // where each line begins
	places []region  // of each line
	before []*Parser // that read the lines before each
	known  map[state]answer
}

// A state is that of a parser which has yet to read what comes behind a broken
// line, from so many lines behind it on.
type state struct {
	line, behind int
	hash         uint64
}

func newBreaking(f fault, log string, truth *Report) *breaking {
	b := &breaking{fault: f, log: f.put(log), truth: truth, known: map[state]answer{}}
	if b.wanted == "" {
		b.wanted = nonce
	}
	p, place, at := &Parser{Nonce: b.wanted}, before, 0
	b.feed(p, b.ahead)
	for line := range strings.Lines(b.log) {
		switch {
		case strings.Contains(line, report.Begin):
			place = tap
		case strings.Contains(line, "# v1 "+nonce+" 1/"):
			place++
		}
		b.lines, b.at, b.places = append(b.lines, line), append(b.at, at), append(b.places, place)
		b.before = append(b.before, clone(p))
		b.feed(p, line)
		at += len(line)
	}
	return b
}

// put dresses a log.
func (f fault) put(log string) string {
	if f.dress == nil && f.end == "" && f.record == nil {
		return log
	}
	var out strings.Builder
	n := 0
	for line := range strings.Lines(log) {
		if f.dress != nil {
			out.WriteString(f.dress(n))
		}
		text, end := strings.TrimRight(line, "\r\n"), f.end
		if end == "" {
			end = line[len(text):]
		}
		if f.record != nil {
			text = f.record(text)
		}
		out.WriteString(text + end)
		n++
	}
	return out.String()
}

// feed gives lines to a parser.
func (b *breaking) feed(p *Parser, text string) {
	take := func(line string) { p.Line(line) }
	u := &unwrapping{f: take, begun: true}
	for line := range strings.Lines(text) {
		switch {
		case b.record != nil:
			u.line([]byte(line), line)
		case len(line) <= maxLine:
			take(strings.TrimRight(line, "\r\n"))
		default:
			_ = EachLine(strings.NewReader(line), take) // a string can always be read
		}
	}
	u.flush()
}

// sampled is how many faults of a kind lie between two that are parsed from the
// log's beginning as well.
const sampled = 997

// all breaks the log at every byte.
func (b *breaking) all(t *testing.T) table {
	var counts table
	for i, line := range b.lines {
		for column := range len(line) {
			n := b.at[i] + column
			if n%max(b.every, 1) != 0 {
				continue
			}
			got := b.answer(i, n)
			counts[b.places[i]][got]++
			if got == wrong {
				t.Fatalf("byte %d, line %q: another report", n, line)
			}
			if n%sampled == 0 {
				require.Equal(t, b.judge(b.slow(i, n)), got, "byte %d, line %q", n, line)
			}
		}
	}
	for place, row := range counts {
		b.require(t, region(place), row)
	}
	return counts
}

// require holds a row of the table against what is asked.
func (b *breaking) require(t *testing.T, place region, row [answers]int) {
	lost, all := row[incomplete]+row[none], 0
	for _, n := range row {
		all += n
	}
	if !b.cut && lost*100 > all {
		t.Errorf("region %d: %d of %d are not the true report", place, lost, all)
	}
}

// split returns what stands before the fault in its line, what is instead, and
// the first line that is not touched by it.
func (b *breaking) split(line, n int) (text string, next int) {
	gone, instead := b.edit(b.log, n)
	gone = min(gone, len(b.log)-n)
	next = line
	for next < len(b.lines) && b.at[next] < n+gone || next == line {
		next++
	}
	text = b.log[b.at[line]:n] + instead + b.log[n+gone:b.start(next)]
	for !strings.HasSuffix(text, "\n") && next < len(b.lines) {
		text += b.lines[next]
		next++
	}
	return text, next
}

// start returns where a line begins, or would.
func (b *breaking) start(line int) int {
	if line == len(b.lines) {
		return len(b.log)
	}
	return b.at[line]
}

// soon is after how many lines most readers have no use any more for pieces of a
// broken frame, and settled after how many none has.
const (
	soon    = 4
	settled = 8
)

// answer breaks the log at n, which lies in a line, and parses it.
func (b *breaking) answer(line, n int) answer {
	text, next := b.split(line, n)
	p := clone(b.before[line])
	b.feed(p, text)
	rest := b.rest(next)
	var states []state
	for i, line := range rest {
		if i == 0 || i == soon || i == settled || i > settled && strings.Contains(rest[i-1], "# vmspec: end ") {
			s := state{next, i, hash(p)}
			if got, known := b.known[s]; known {
				return b.learn(states, got)
			}
			states = append(states, s)
		}
		b.feed(p, line)
	}
	return b.learn(states, b.judge(p.Report()))
}

func (b *breaking) learn(states []state, got answer) answer {
	for _, s := range states {
		b.known[s] = got
	}
	return got
}

// slow is answer without any of its shortcuts.
func (b *breaking) slow(line, n int) (*Report, error) {
	text, next := b.split(line, n)
	p := &Parser{Nonce: b.wanted}
	b.feed(p, b.ahead+b.log[:b.at[line]]+text+strings.Join(b.rest(next), ""))
	return p.Report()
}

// rest is what comes behind the broken lines.
func (b *breaking) rest(line int) []string {
	if b.behind != nil {
		return b.behind(b.log, b.lines[line:])
	}
	return b.lines[line:]
}

// judge holds what a parser found against the truth.
func (b *breaking) judge(r *Report, err error) answer {
	switch {
	case errors.Is(err, ErrNoReport):
		return none
	case err != nil:
		return wrong
	case r.Incomplete != nil:
		return incomplete
	case b.wanted == anotherNonce:
		return map[bool]answer{true: whole, false: wrong}[r.Nonce == anotherNonce]
	case r.Provisional() && b.foretells(r):
		return incomplete
	case !slices.Equal(r.Lines, b.truth.Lines) || !reflect.DeepEqual(r.Points, b.truth.Points):
		return wrong
	case r.Repaired != "":
		return mended
	}
	return whole
}

// foretells tells whether a provisional report says nothing but what the true one
// does: it may leave a point open.
func (b *breaking) foretells(r *Report) bool {
	return len(r.Points) == len(b.truth.Points) && !slices.ContainsFunc(r.Points, func(p Point) bool {
		i := slices.IndexFunc(b.truth.Points, func(q Point) bool { return q.ID == p.ID })
		return i < 0 || p.Verdict != Error && p.Verdict != b.truth.Points[i].Verdict
	})
}
