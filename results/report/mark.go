package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A BootMark is what a boot leaves in a UEFI variable for the boots after it.
type BootMark struct {
	Nonce string // of the series of boots, or of the report; a dash for none
	Boot  int    // number in the series, from 1; 0 without a series
	Token string // this boot's own: eight hexadecimal digits
	Count int    // how many boots left a mark one after the other, with this one
	After string // how the boot meant to end: poweroff, reboot or halt
}

// Marks are the mark that a boot found and the one that it left. A report has them in
// what it found for the requirement that variables persist:
//
//	boot 2 of 3 of 7f3a9c21: found 0a1b2c3d/1 7f3a9c21/1 poweroff; left 4e5f6071/2 7f3a9c21/2 poweroff
//	found none; left refused: EROFS read-only file system
type Marks struct {
	Series   string // empty for none
	Boot, Of int
	Found    *BootMark
	None     MarkWord // instead of Found
	Left     *BootMark
	Nothing  MarkWord // instead of Left
	Why      string   // of MarkRefused and MarkPrevented
}

// A MarkWord says why there is no mark.
type MarkWord string

const (
	MarkNone      MarkWord = "none"      // found: there is no variable
	MarkForeign   MarkWord = "foreign"   // found: the variable is not the suite's
	MarkUnknown   MarkWord = "unknown"   // found: it could not be looked for
	MarkRemoved   MarkWord = "removed"   // left: what was found is gone
	MarkNothing   MarkWord = "nothing"   // left: there was none to remove
	MarkRefused   MarkWord = "refused"   // left: the platform takes none
	MarkPrevented MarkWord = "prevented" // left: the kernel or a parameter is the reason
)

var (
	foundWords   = []MarkWord{MarkNone, MarkForeign, MarkUnknown}
	leftWords    = []MarkWord{MarkRemoved, MarkNothing}
	whyLeftWords = []MarkWord{MarkRefused, MarkPrevented}
)

func (m *BootMark) String() string {
	return fmt.Sprintf("%s/%d %s/%d %s", m.Token, m.Count, m.Nonce, m.Boot, m.After)
}

func (m Marks) String() string {
	var b strings.Builder
	if m.Series != "" {
		fmt.Fprintf(&b, "boot %d of %d of %s: ", m.Boot, m.Of, m.Series)
	}
	found, left := string(m.None), string(m.Nothing)
	if m.Found != nil {
		found = m.Found.String()
	}
	if m.Left != nil {
		left = m.Left.String()
	}
	fmt.Fprintf(&b, "found %s; left %s", found, left)
	if m.Left == nil && m.Why != "" {
		b.WriteString(": " + m.Why)
	}
	return b.String()
}

// ParseMarks reads what String wrote, and nothing else.
func ParseMarks(text string) (m Marks, ok bool) {
	rest := text
	if strings.HasPrefix(rest, "boot ") {
		var head string
		head, rest, _ = strings.Cut(rest, ": ")
		w := strings.Split(head, " ")
		if len(w) != 6 {
			return Marks{}, false
		}
		m.Boot, _ = strconv.Atoi(w[1])
		m.Of, _ = strconv.Atoi(w[3])
		if m.Series = w[5]; !isSeries(m.Series, m.Boot, m.Of) {
			return Marks{}, false
		}
	}
	found, left, both := strings.Cut(strings.TrimPrefix(rest, "found "), "; left ")
	if !both || !m.parseFound(found) || !m.parseLeft(left) || m.String() != text {
		return Marks{}, false
	}
	return m, true
}

// MaxBoots is how many boots a series may have.
const MaxBoots = 99

func isSeries(nonce string, boot, of int) bool {
	return nonce != "" && IsNonce(nonce) && boot > 0 && boot <= of && of <= MaxBoots
}

func (m *Marks) parseFound(text string) (ok bool) {
	if slices.Contains(foundWords, MarkWord(text)) {
		m.None = MarkWord(text)
		return true
	}
	m.Found, ok = parseMark(text)
	return ok
}

func (m *Marks) parseLeft(text string) (ok bool) {
	word, why, said := strings.Cut(text, ": ")
	if slices.Contains(leftWords, MarkWord(text)) || said && slices.Contains(whyLeftWords, MarkWord(word)) {
		m.Nothing, m.Why = MarkWord(word), why
		return true
	}
	m.Left, ok = parseMark(text)
	return ok
}

// markEnds are the words of After.
var markEnds = []string{"poweroff", "reboot", "halt"}

func parseMark(text string) (*BootMark, bool) {
	w := strings.Split(text, " ")
	if len(w) != 3 {
		return nil, false
	}
	var m BootMark
	var count, boot string
	m.Token, count, _ = strings.Cut(w[0], "/")
	m.Nonce, boot, _ = strings.Cut(w[1], "/")
	m.Count, _ = strconv.Atoi(count)
	m.Boot, _ = strconv.Atoi(boot)
	m.After = w[2]
	sound := m.Nonce != "" && IsNonce(m.Nonce) && len(m.Token) == 8 && all(m.Token, isHexDigit) && m.Count > 0 && m.Boot >= 0 && slices.Contains(markEnds, m.After)
	return &m, sound && m.String() == text
}
