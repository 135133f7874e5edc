package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A Need is what a guest asks of whoever runs its VM, in a line on its consoles:
//
//	# vmspec: need hotplug-block nonce=7f3a9c21 timeout=30s
//
// The nonce is the request's own: what is unplugged has that of what was plugged.
type Need struct {
	Name, Nonce string
	Timeout     int // seconds that the guest waits
}

// What a guest may need.
const (
	NeedBlock   = "hotplug-block"
	UnplugBlock = "unplug-block"
	NeedNet     = "hotplug-net"
	UnplugNet   = "unplug-net"
	NeedPause   = "pause" // of PauseSeconds
	NeedInput   = "input" // the nonce, typed on the console
)

// PauseSeconds is for how long a VM is paused that needs it.
const PauseSeconds = 5

// Needs lists what a host may offer. Who plugs a device also unplugs it.
func Needs() []string { return []string{NeedBlock, NeedNet, NeedPause, NeedInput} }

// needs are all that there are.
var needs = []string{NeedBlock, UnplugBlock, NeedNet, UnplugNet, NeedPause, NeedInput}

// OfferFor is what a host offers that serves a need.
func OfferFor(need string) string {
	switch need {
	case UnplugBlock:
		return NeedBlock
	case UnplugNet:
		return NeedNet
	}
	return need
}

const (
	needWord  = "need "
	needMark  = Mark + needWord
	inputMark = Mark + "input please type " // of a guest that asks people, too
	// maxTimeout bounds a need's, in seconds.
	maxTimeout = 999
)

// Line asks for it.
func (n Need) Line() string {
	if n.Name == NeedInput {
		return inputMark + n.Nonce
	}
	return Mark + n.String()
}

// String is the need as a finding names it, which does not ask for it once more.
func (n Need) String() string {
	return fmt.Sprintf("%s%s nonce=%s timeout=%ds", needWord, n.Name, n.Nonce, n.Timeout)
}

// FindNeed finds a need in a line, behind whatever stands before it and before
// whatever follows.
func FindNeed(line string) (n Need, ok bool) {
	if _, word, asked := strings.Cut(line, inputMark); asked {
		n = Need{Name: NeedInput, Nonce: strings.TrimSpace(word)}
		return n, isTyped(n.Nonce)
	}
	_, text, _ := strings.Cut(line, needMark)
	return parseNeed(text)
}

// NeedIn finds the need that a finding names.
func NeedIn(found string) (n Need, ok bool) {
	_, text, _ := strings.Cut(found, needWord)
	return parseNeed(text)
}

func parseNeed(text string) (n Need, ok bool) {
	name, text, named := strings.Cut(text, " nonce=")
	nonce, text, more := strings.Cut(text, " timeout=")
	seconds, _, ends := strings.Cut(text, "s")
	if !named || !more || !ends || !isNumber(seconds) {
		return Need{}, false
	}
	n = Need{Name: name, Nonce: nonce}
	n.Timeout, _ = strconv.Atoi(seconds)
	return n, n.valid() && seconds == strconv.Itoa(n.Timeout)
}

func (n Need) valid() bool {
	known := n.Name != NeedInput && slices.Contains(needs, n.Name)
	return known && n.Nonce != "" && IsNonce(n.Nonce) && n.Timeout > 0 && n.Timeout <= maxTimeout
}

// isTyped tells whether a word may be typed for a guest. It is a number: a guest
// cannot have anything else typed.
func isTyped(word string) bool {
	return word != "" && len(word) <= MaxNonce && all(word, isHexDigit)
}

// An Answer is what a host types on the console when it has done what the guest
// needs, or cannot:
//
//	done hotplug-block nonce=7f3a9c21
type Answer struct {
	Done        bool
	Need, Nonce string
}

// Line is the answer as it is typed, without Enter.
func (a Answer) Line() string {
	word := "cannot"
	if a.Done {
		word = "done"
	}
	return word + " " + a.Need + " nonce=" + a.Nonce
}

// ParseAnswer reads a line that was typed.
func ParseAnswer(line string) (a Answer, ok bool) {
	line = strings.TrimRight(line, "\r\n")
	word, text, _ := strings.Cut(line, " ")
	a.Done = word == "done"
	a.Need, a.Nonce, _ = strings.Cut(text, " nonce=")
	return a, line == a.Line() && Need{a.Need, a.Nonce, 1}.valid()
}
