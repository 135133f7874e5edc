package results

import "regexp"

// A mover is what of an evidence is otherwise in each run of the same VM: times,
// nonces, what was counted while the suite looked, and addresses that are chosen at
// random. A count of 0 is no such: that nothing came is a finding.
type mover struct {
	is   *regexp.Regexp
	text string // what stands for it
}

var movers = []mover{
	{regexp.MustCompile(`\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?Z?)?`), "DATE"},
	{regexp.MustCompile(`\b\d\d:\d\d:\d\d(?:\.\d+)?\b`), "TIME"},
	// Two numbers between which a rate lies, and times.
	{regexp.MustCompile(`\b\d+\.\d+ (to|and) \d+\.\d+\b`), "RATE"},
	{regexp.MustCompile(`\b\d+(?:\.\d+)? ?(?:ns|us|µs|ms|s|seconds?|minutes?)\b`), "TIME"},
	// Nonces, alone and with the number of a boot behind them; GUIDs; a kernel's pointers.
	{regexp.MustCompile(`\b[0-9a-f]{8}/\d+\b`), "NONCE"},
	{regexp.MustCompile(`\bnonce[ =][0-9a-f]{4,}\b`), "NONCE"},
	{regexp.MustCompile(`\b(?:0x)?ffff[0-9a-f]{12}\b`), "POINTER"},
	{regexp.MustCompile(`\bvmspec-\d+\b`), "FOLDER"},
	// What is counted until a time is over.
	{regexp.MustCompile(`\b[1-9]\d* (reads|interrupts in the trial|interrupts of other devices|different values|hand-overs|bytes read|ticks)\b`), "N $1"},
	{regexp.MustCompile(`\b[1-9]\d* (interrupts by \d+ messages?)\b`), "N $1"},
	{regexp.MustCompile(`\b0 (interrupts of other devices)\b`), "N $1"}, // none is as good
	{regexp.MustCompile(`\b[1-9]\d* pages of (\d+ KiB) touched\b`), "N pages of $1 touched"},
	{regexp.MustCompile(`\b[1-9]\d* of (\d+ KiB) free\b`), "N of $1 free"},
}

// steady is an evidence without what moves from run to run.
func steady(text string) string {
	for _, m := range movers {
		text = m.is.ReplaceAllString(text, m.text)
	}
	return text
}
