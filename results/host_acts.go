package results

import (
	"fmt"
	"slices"

	"vmspec/results/report"
)

// An Act is what a host did because its guest needed it.
type Act struct {
	Need    string  `json:"need"`
	Nonce   string  `json:"nonce"` // of the request
	By      string  `json:"by"`    // a command, or "QMP"
	Done    bool    `json:"done"`  // the host says so
	Status  int     `json:"status,omitempty"`
	Said    string  `json:"said,omitempty"` // its last words
	Seconds float64 `json:"seconds"`        // that it took
}

// words are the host's side of the story.
func (a Act) words() string {
	text := fmt.Sprintf("%s by %q", a.Need, a.By)
	if a.Said != "" {
		text += fmt.Sprintf(" (%q)", a.Said)
	}
	return text
}

// acted returns what the host did for a request.
func (h *HostRun) acted(need, nonce string) (a Act, ok bool) {
	at := slices.IndexFunc(h.Acts, func(a Act) bool { return a.Need == need && a.Nonce == nonce })
	if at < 0 {
		return Act{}, false
	}
	return h.Acts[at], true
}

// typed tells whether the host typed what a guest asked for, or had it typed.
func (h *HostRun) typed() bool {
	return h.Typed > 0 || slices.ContainsFunc(h.Acts, func(a Act) bool { return a.Need == report.NeedInput && a.Done })
}

// inVain joins both sides of a request for a device: the host says that it has acted,
// and the guest saw nothing of that. Of a pause a guest learns by the answer alone,
// which the console may have lost.
func (h *HostRun) inVain(p Point) (j Judged) {
	n, named := report.NeedIn(p.Found)
	a, ok := h.acted(n.Name, n.Nonce)
	open := p.Verdict == Skip && p.Reason == report.HostDidNotAct
	if !named || n.Name == report.NeedPause || !ok || !a.Done || !open && p.Verdict != Fail {
		return Judged{}
	}
	text := fmt.Sprintf("the host says that it did %s; the guest: %s", a.words(), p.Found)
	if p.Problem != "" {
		text = p.Problem + ": " + text
	}
	return Judged{Verdict: Fail, Text: text}
}
