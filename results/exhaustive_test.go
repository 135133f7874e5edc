package results

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"

	"github.com/stretchr/testify/require"

	"vmspec/results/report"
)

// TestEveryFaultAtEveryByte breaks a real log of qemu-virt-uefi in every way at
// every byte. The answer must be the true report or an incomplete one, and but
// for cuts the true one, whole or repaired. Its guest was asked for a few points, so
// that the log is short; it has all that a log has, provisional reports among it.
//
// There are some 700 000 faults. So each parse begins at the line that is broken,
// from a copy of the parser that read the lines before; and where the broken lines
// leave it in a state it was in before at the same line, what follows is known: a
// parser has no other input than its lines. Some are parsed from the beginning all
// the same, to prove it.
func TestEveryFaultAtEveryByte(t *testing.T) { breakLog(t, "faults/qemu-virt-uefi.log", 1) }

// sparse is how many bytes lie between two of a long log that are broken.
const sparse = 499

// TestFaultsOfALongLog does the same to a log with all points and all that a kernel
// says, here and there; at every byte under make faults.
func TestFaultsOfALongLog(t *testing.T) {
	every := sparse
	if os.Getenv("VMSPEC_FAULTS") != "" {
		every = 1
	}
	breakLog(t, "qemu-virt-uefi.log", every)
}

// breakLog breaks a log by all faults.
func breakLog(t *testing.T, name string, every int) {
	data, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	log := string(data)
	truth, err := Parse(strings.NewReader(log), nonce)
	require.NoError(t, err)
	require.NoError(t, truth.Incomplete)
	require.Empty(t, truth.Repaired)

	// Nearly all of the memory is thrown away at once, and little is kept.
	defer debug.SetGCPercent(debug.SetGCPercent(800))
	tables := make([]table, len(faults))
	t.Run("faults", func(t *testing.T) {
		for i, f := range faults {
			t.Run(f.name, func(t *testing.T) {
				t.Parallel()
				f.every = max(f.every, 1) * every
				tables[i] = newBreaking(f, log, truth).all(t)
			})
		}
	})
	t.Log(tell(tables))
}

// nonce is that of the logs.
const nonce = "5ca1ab1e"

// A region is where in the log a fault lies.
type region int

const (
	before region = iota // firmware, kernel, and what the guest says of itself
	tap
	first  // copy of the frames
	second // copy of the frames
	regions
)

// An answer is what a parser said of a broken log.
type answer int

const (
	whole answer = iota
	mended
	incomplete
	none
	wrong
	answers
)

// table counts the answers by region.
type table [regions][answers]int

// A fault breaks the log at a byte.
type fault struct {
	name string
	// dress puts something before each line of the log; nil for nothing.
	dress func(line int) string
	// end is how each line ends, if not as in the log.
	end string
	// edit says how many bytes at n are gone, and what comes instead.
	edit func(log string, n int) (gone int, instead string)
	// ahead stands before the log.
	ahead string
	// record makes a record of each line of the log, without its end.
	record func(line string) string
	// every is how many bytes lie between two that are broken; 1 if zero.
	every int
	// behind is what comes after the broken lines, given the log's lines, if it
	// is not these alone.
	behind func(log string, lines []string) []string
	// cut tells that the log ends at n, and wanted is the nonce of what is to be
	// found then, if it is not the log's.
	cut    bool
	wanted string
}

// insert breaks a log by something between two bytes.
func insert(text string) func(string, int) (int, string) {
	return func(string, int) (int, string) { return 0, text }
}

// lose takes bytes out.
func lose(bytes int) func(string, int) (int, string) {
	return func(string, int) (int, string) { return bytes, "" }
}

// double repeats bytes.
func double(bytes int) func(string, int) (int, string) {
	return func(log string, n int) (int, string) { return 0, log[n:min(n+bytes, len(log))] }
}

// swap exchanges bytes with those behind them.
func swap(bytes int) func(string, int) (int, string) {
	return func(log string, n int) (int, string) {
		middle, end := min(n+bytes, len(log)), min(n+2*bytes, len(log))
		return end - n, log[middle:end] + log[n:middle]
	}
}

// flip changes bits of a byte.
func flip(mask byte) func(string, int) (int, string) {
	return func(log string, n int) (int, string) { return 1, string([]byte{log[n] ^ mask}) }
}

// stamped is a prefix with a time that goes on by 10 ms a line.
func stamped(format string) func(int) string {
	return func(line int) string { return fmt.Sprintf(format, line/100%60, line%100) }
}

func domain(int) string { return "(XEN) DOM1: " }

const (
	kernelLine = "[    2.718281] virtio_blk virtio0: [vda] 8 512-byte logical blocks"
	// What EDK2 draws when it changes the screen's mode.
	screen = "\x1b[2J\x1b[01;01H\x1b[=3h\x1b[0m\x1b[35m\x1b[40m"
	forged = "ok 1 - FW-UEFI-BOOT The VM boots through UEFI firmware"
)

var faults = append([]fault{
	{name: "cut", cut: true, edit: cutOff},

	{name: "byte lost", edit: lose(1)},
	{name: "16 bytes lost", edit: lose(16)},
	{name: "200 bytes lost", edit: lose(200)},
	{name: "2000 bytes lost", edit: lose(2000)},
	{name: "byte doubled", edit: double(1)},
	{name: "64 bytes doubled", edit: double(64)},
	{name: "bit flipped", edit: flip(0x01)},
	{name: "bit 7 set", edit: flip(0x80)},
	{name: "byte lost to a blank", edit: func(log string, n int) (int, string) { return 1, " " }},
	{name: "bytes swapped", edit: swap(1)},
	{name: "64 bytes swapped", edit: swap(64)},

	{name: "NUL", edit: insert("\x00")},
	{name: "NULs for 16 bytes", edit: func(log string, n int) (int, string) { return 16, strings.Repeat("\x00", 16) }},
	{name: "control byte", edit: insert("\x07")},
	{name: "byte 255", edit: insert("\xff")},
	{name: "colour", edit: insert("\x1b[1;32m")},
	{name: "UEFI's screen", edit: insert(screen)},
	{name: "half an escape", edit: insert("\x1b[1;3")},

	{name: "line feed", edit: insert("\n")},
	{name: "line broken, CR LF", end: "\r\n", edit: insert("\r\n")},
	{name: "line broken, CR CR LF", end: "\r\r\n", edit: insert("\r\r\n")},
	{name: "line end lost, LF", end: "\n", edit: lose(1)},
	{name: "kernel, to the line's end", edit: insert(kernelLine + "\r\n")},
	{name: "kernel, on lines of its own", edit: insert("\r\n" + kernelLine + "\r\n" + kernelLine + "\r\n")},
	{name: "kernel, without a line end", edit: insert(kernelLine)},
	{name: "kernel's time, kernel in between", dress: stamped("[   %02d.%02d0000] "), edit: insert("\r\n" + kernelLine + "\r\n")},
	{name: "kernel's time, broken", dress: stamped("[   %02d.%02d0000] "), edit: insert("\r\n[   59.000000] ")},
	{name: "LAVA, broken", dress: stamped("2026-11-25T06:50:%02d.%02d "), edit: insert("\r\n2026-11-25T06:51:00.00 ")},
	{name: "LAVA, byte lost", dress: stamped("2026-11-25T06:50:%02d.%02d "), edit: lose(1)},
	{name: "ts, broken", dress: stamped("Nov 25 06:%02d:%02d "), edit: insert("\nNov 25 06:59:59 ")},
	{name: "syslog, broken", dress: stamped("<30>Nov 25 06:%02d:%02d farm-3 qemu[77]: "), edit: insert("\n<30>Nov 25 06:59:59 farm-3 qemu[77]: ")},
	{name: "syslog, byte lost", dress: stamped("<30>Nov 25 06:%02d:%02d farm-3 qemu[77]: "), edit: lose(1)},
	{name: "Xen, broken", dress: domain, edit: insert("\n(XEN) DOM1: ")},
	{name: "Xen, its own line", dress: domain, edit: insert("\n(XEN) grant_table.c:1909:d1v0 Expanding d1\n")},
	{name: "Xen, byte lost", dress: domain, edit: lose(1)},

	{name: "result imitated", edit: insert("\r\n" + forged + "\r\n")},
	{name: "result imitated, in a line", edit: insert(forged)},
	{name: "plan imitated", edit: insert("\r\n1..2\r\n")},
	{name: "report begun", edit: insert("\r\nTAP version 13\r\n")},
	{name: "end imitated", edit: insert("\r\n# vmspec: end points=1 sha256=" + strings.Repeat("0", 64) + " nonce=" + nonce + "\r\n")},
	{name: "frame imitated", edit: func(log string, _ int) (int, string) {
		return 0, "\r\n# v1 " + nonce + " 2/" + framesOf(log) + " 00000000 AAAA\r\n"
	}},
	{name: "whole report of another", edit: insert("\r\n" + another)},

	{name: "line lost", edit: func(log string, n int) (int, string) { return lineAt(log, n), "" }},
	{name: "line doubled", edit: func(log string, n int) (int, string) { return 0, log[n : n+lineAt(log, n)] }},
	{name: "lines swapped", edit: func(log string, n int) (int, string) { return swap(lineAt(log, n))(log, n) }},

	{name: "other console, by turns", edit: insert("\r\n"), behind: byTurns},
	{name: "other console, at once", edit: insert("\r\n"), behind: func(log string, lines []string) []string {
		return slices.Concat(reportOf(log), lines)
	}},
	{name: "older boot before, byte lost", ahead: another, edit: lose(1)},
	{name: "older boot before, cut", ahead: another, edit: cutOff, cut: true},
	{name: "another boot behind a cut", edit: cutOff, wanted: anotherNonce, behind: func(string, []string) []string {
		return strings.SplitAfter("\n"+another, "\n")
	}},
}, sampledFaults...)

// rare is how many bytes lie between two faults of the kinds that are sampled.
const rare = 7

var sampledFaults = []fault{
	{name: "docker compose, broken", every: rare, dress: always("vm1-1  | "), edit: insert("\nvm1-1  | ")},
	{name: "kubectl with times, byte lost", every: rare, dress: stamped("[pod/vm1/guest] 2026-11-25T06:50:%02d.%02d0Z "), edit: lose(1)},
	{name: "journald, 64 bytes lost", every: rare, dress: stamped("Nov 25 06:%02d:%02d host vm1[812]: "), edit: lose(64)},
	{name: "cat -n, bit flipped", every: rare, dress: func(line int) string { return fmt.Sprintf("%6d\t", line+1) }, edit: flip(0x01)},
	{name: "another VM's report, of another name", every: rare, dress: always("vm1-1  | "), edit: insert("\n" + dressed(another, "vm2-1  | "))},
	{name: "another VM's report, of another process", every: rare, dress: stamped("Nov 25 06:%02d:%02d host vm[812]: "), edit: insert("\n" + dressed(another, "Nov 25 06:59:59 host vm[813]: "))},
	{name: "two VMs by turns", every: rare, dress: always("vm1-1  | "), edit: insert("\n"), behind: byTurnsOf("vm1-1  | ", "vm2-1  | ")},
	{name: "two VMs by turns, byte lost", every: rare, dress: always("node1 "), edit: lose(1), behind: byTurnsOf("node1 ", "node2 ")},
	{name: "LAVA's records, byte lost", every: rare, record: func(l string) string {
		return fmt.Sprintf(`- {"dt": "2026-11-25T06:50:01", "lvl": "target", "msg": %q}`, l)
	}, edit: lose(1)},
	{name: "journald's records, bit flipped", every: rare, record: func(l string) string { return fmt.Sprintf(`{"_PID":"812","MESSAGE":%q,"PRIORITY":"6"}`, l) }, edit: flip(0x01)},
	{name: "journald's records, line broken", every: rare, record: func(l string) string { return fmt.Sprintf(`{"_PID":"812","MESSAGE":%q,"PRIORITY":"6"}`, l) }, edit: insert("\n")},
}

func always(name string) func(int) string { return func(int) string { return name } }

func dressed(log, prefix string) string {
	return prefix + strings.ReplaceAll(strings.TrimSuffix(log, "\r\n"), "\n", "\n"+prefix) + "\r\n"
}

// byTurnsOf is what a log's lines become if another VM of the same configuration
// shows its report meanwhile, each behind its name.
func byTurnsOf(name, other string) func(string, []string) []string {
	return func(log string, lines []string) (out []string) {
		others := reportOf(log)
		others[0] = name + others[0]
		for i := range max(len(lines), len(others)) {
			if i < len(others) {
				out = append(out, strings.Replace(others[i], name, other, 1))
			}
			if i < len(lines) {
				out = append(out, lines[i])
			}
		}
		return out
	}
}

const anotherNonce = "01dc0de0"

// another is a whole report of a guest with another nonce, and another verdict.
var another = func() string {
	lines := []string{report.Begin, "1..1", "# vmspec 0.1.0 catalogue=9bbf7dd4 profile=rfc-v2 arch=arm64 nonce=" + anotherNonce, forged}
	hash := sha256.Sum256([]byte(strings.Join(lines, "\n") + "\n"))
	return strings.Join(append(lines, fmt.Sprintf("# vmspec: end points=1 sha256=%x nonce=%s\r\n", hash, anotherNonce)), "\r\n")
}()

// framesOf is how many frames a copy has.
func framesOf(log string) string {
	_, after, _ := strings.Cut(log, "# v1 "+nonce+" 1/")
	total, _, _ := strings.Cut(after, " ")
	return total
}

func cutOff(log string, n int) (int, string) { return len(log) - n, "" }

// lineAt returns how long the line at n is, with its end.
func lineAt(log string, n int) int { return strings.IndexByte(log[n:], '\n') + 1 }

// reportOf returns the report's lines and its frames'.
func reportOf(log string) []string {
	return strings.SplitAfter(log[strings.Index(log, report.Begin):], "\n")
}

// byTurns is what a log's lines become if another console shows its report
// meanwhile.
func byTurns(log string, lines []string) []string {
	var out []string
	others := reportOf(log)
	for i, other := range others {
		out = append(out, other)
		if i < len(lines) {
			out = append(out, lines[i])
		}
	}
	return append(out, lines[min(len(lines), len(others)):]...)
}

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

// clone copies what of a parser may change.
func clone(p *Parser) *Parser {
	q := *p
	c := cloner{of: &q, attempts: map[*attempt]*attempt{}}
	q.whole, q.partial = copied(p.whole), copied(p.partial)
	q.reports = slices.Clone(p.reports)
	for i, r := range p.reports {
		switch {
		case r == p.whole:
			q.reports[i] = q.whole
		case r.early != nil:
			q.reports[i] = copied(r)
		}
	}
	q.torn = slices.Clone(p.torn)
	q.attempt = c.attempt(p.attempt)
	q.traces = slices.Clone(p.traces)
	for i := range q.traces {
		q.traces[i].begun = c.attempt(q.traces[i].begun)
	}
	q.plain, q.woven.reading = c.reading(p.plain), c.reading(p.woven.reading)
	q.woven.text = slices.Clone(p.woven.text)
	q.behind.shapes = slices.Clone(p.behind.shapes)
	q.behind.readings = map[string]*reading{}
	for key, r := range p.behind.readings {
		r := c.reading(*r)
		q.behind.readings[key] = &r
	}
	q.frames.broken = slices.Clone(p.frames.broken)
	for l, sets := range p.frames.sets {
		q.frames.sets[l] = nil
		for _, s := range sets {
			s := *s
			s.pieces = maps.Clone(s.pieces)
			q.frames.sets[l] = append(q.frames.sets[l], &s)
		}
	}
	return &q
}

// A cloner keeps what readings of a parser share.
type cloner struct {
	of       *Parser
	attempts map[*attempt]*attempt
}

func (c cloner) reading(p reading) reading {
	if p.Parser != nil {
		p.Parser = c.of
	}
	p.now, p.begun = copied(p.now), c.attempt(p.begun)
	return p
}

func (c cloner) attempt(a *attempt) *attempt {
	if a == nil {
		return nil
	}
	if c.attempts[a] == nil {
		b := *a
		c.attempts[a] = &b
	}
	return c.attempts[a]
}

func copied(r *Report) *Report {
	if r == nil {
		return nil
	}
	c := *r
	c.Lines = slices.Clip(r.Lines)
	if r.early != nil {
		early := *r.early
		early.points = slices.Clone(early.points)
		c.early, c.Points = &early, slices.Clone(r.Points)
	}
	return &c
}

var seed = maphash.MakeSeed()

// hash covers all that a parser holds and that decides which report it finds:
// not what it says is repaired, nor what it tells of other boots.
func hash(p *Parser) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	q := *p
	if q.partial != nil {
		q.partial = &Report{}
	}
	q.torn, q.traces, q.settled, q.frames.steps, q.steps = nil, nil, 0, 0, 0
	for i := range q.behind.shapes {
		q.behind.shapes = slices.Clone(q.behind.shapes)
		q.behind.shapes[i].used = 0
	}
	q.frames.sets = [levels + 1][]*frameSet{}
	walk(&h, reflect.ValueOf(q))
	for _, sets := range p.frames.sets {
		number(&h, uint64(len(sets)))
		for _, s := range sets {
			hashSet(&h, *s)
		}
	}
	for _, r := range p.reports {
		if r.early != nil {
			truth(&h, p.rebooted(r, p.at))
		}
	}
	return h.Sum64()
}

// hashSet covers a set of frames, with its pieces in whatever order they come.
func hashSet(h *maphash.Hash, s frameSet) {
	var sum uint64
	for n, piece := range s.pieces {
		sum += maphash.Comparable(seed, n) ^ maphash.String(seed, piece)
	}
	number(h, uint64(len(s.pieces)))
	number(h, sum)
	s.pieces = nil
	walk(h, reflect.ValueOf(s))
}

// skipped are pointed to by what is walked through anyway, are made once and
// never changed, or only order or tell.
var skipped = []reflect.Type{reflect.TypeFor[*Parser](), reflect.TypeFor[*attempt](), reflect.TypeFor[LineNumber](), reflect.TypeFor[[]*Report]()}

// walkedFields are a struct's that are not skipped, by its type.
var walkedFields sync.Map

func walkedOf(t reflect.Type) []int {
	if known, ok := walkedFields.Load(t); ok {
		return known.([]int)
	}
	var out []int
	for i := range t.NumField() {
		if !slices.Contains(skipped, t.Field(i).Type) {
			out = append(out, i)
		}
	}
	walkedFields.Store(t, out)
	return out
}

var appendixType = reflect.TypeFor[*report.Appendix]()

func walk(h *maphash.Hash, v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			h.WriteByte(0)
			return
		}
		h.WriteByte(1)
		if v.Type() == appendixType { // made once and never changed
			number(h, uint64(v.Pointer()))
			return
		}
		walk(h, v.Elem())
	case reflect.Struct:
		for _, i := range walkedOf(v.Type()) {
			walk(h, v.Field(i))
		}
	case reflect.Slice, reflect.Array:
		number(h, uint64(v.Len()))
		for i := range v.Len() {
			walk(h, v.Index(i))
		}
	case reflect.Map:
		number(h, mapped(v))
	case reflect.String:
		number(h, uint64(v.Len()))
		h.WriteString(v.String())
	case reflect.Bool:
		truth(h, v.Bool())
	case reflect.Int, reflect.Int8:
		number(h, uint64(v.Int()))
	case reflect.Uint8, reflect.Uint32:
		number(h, v.Uint())
	default:
		panic("a parser holds a " + v.Type().String())
	}
}

// mapped hashes a map in whatever order it comes.
func mapped(v reflect.Value) (sum uint64) {
	for at := v.MapRange(); at.Next(); {
		var h maphash.Hash
		h.SetSeed(seed)
		walk(&h, at.Key())
		walk(&h, at.Value())
		sum += h.Sum64()
	}
	return sum + uint64(v.Len())
}

func number(h *maphash.Hash, n uint64) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], n)
	h.Write(b[:])
}

func truth(h *maphash.Hash, is bool) {
	if is {
		number(h, 1)
		return
	}
	number(h, 0)
}

// tell writes the counts as a table.
func tell(tables []table) string {
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "whole + repaired + incomplete of all\tbefore the report\tTAP\tfirst frames\tsecond frames\t\n")
	sum := 0
	for i, f := range faults {
		fmt.Fprint(w, f.name)
		for _, row := range tables[i] {
			fmt.Fprintf(w, "\t%d + %d + %d", row[whole], row[mended], row[incomplete]+row[none])
			for _, n := range row {
				sum += n
			}
		}
		fmt.Fprint(w, "\t\n")
	}
	fmt.Fprintf(w, "%d faults\t\t\t\t\t\n", sum)
	// A Builder takes everything.
	_ = w.Flush()
	return "\n" + out.String()
}
