package network

import (
	"fmt"
	"io/fs"

	"vmspec/probes/note"
)

// A Trial is what was seen of an interface that the suite brought up, and on
// which it asked for an address by DHCP.
type Trial struct {
	Up      string  // "ok" or the kernel's error; empty if it was not tried
	Carrier *bool   // nil where that was not seen
	Ask     string  // "ok" or the kernel's error in sending; empty if it was not tried
	Offer   *uint64 // milliseconds until the answer; nil if there was none
	Err     string  // why there is no more of it
}

// readTrials reads the note vmspec/network, by the interface's name.
func readTrials(fsys fs.FS) (map[string]Trial, error) {
	trials := map[string]Trial{}
	lines, err := note.Read(fsys, "network")
	for _, l := range lines {
		t := trials[l.Word(1)]
		if err := t.readLine(l); err != nil {
			return trials, fmt.Errorf("vmspec/network: %w", err)
		}
		trials[l.Word(1)] = t
	}
	return trials, err
}

func (t *Trial) readLine(l note.Line) error {
	switch l.Word(0) {
	case "up":
		t.Up = l.Rest(2)
	case "carrier":
		n, err := l.Uint(2)
		if err != nil {
			return err
		}
		carrier := n != 0
		t.Carrier = &carrier
	case "ask":
		t.Ask = l.Rest(2)
	case "offer":
		n, err := l.Uint(2)
		if err != nil {
			return err
		}
		t.Offer = &n
	}
	return nil
}
