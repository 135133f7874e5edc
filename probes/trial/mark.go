package trial

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"

	"vmspec/probes/efi"
	"vmspec/probes/note"
)

// markVariable is the name of the variable that one boot leaves for the next.
const markVariable = "VmspecMark-8d6f0b5e-3c6a-4f3e-9a53-6d7a3c0e41b7"

// A MarkPlan is what a boot is to leave.
type MarkPlan struct {
	Nonce, After string
	Boot         int
	Last         bool // it only removes what it finds
}

// mark is this boot's mark, behind what was found. A boot of a series that was
// told to reset the VM, and comes back from that, powers it off: it is told the
// same again.
func (p MarkPlan) mark(found *efi.Mark) efi.Mark {
	m := efi.Mark{Nonce: p.Nonce, Boot: p.Boot, Token: fmt.Sprintf("%08x", rand.Uint32()), Count: 1, After: p.After}
	if found == nil {
		return m
	}
	m.Count = found.Count + 1
	if p.Boot > 0 && found.Nonce == p.Nonce && found.Boot == p.Boot && found.After == "reboot" && p.After == "reboot" {
		m.After = "poweroff"
	}
	return m
}

// tryMark notes what it finds in the variable, and leaves this boot's mark there.
func tryMark(s variableStore, p MarkPlan, n *efi.MarkNote) error {
	n.Read = "absent"
	if s.exists() {
		readMark(s, n)
		if n.Remove = note.Result(s.delete()); n.Remove != "ok" {
			return nil
		}
	}
	if p.Last {
		return nil
	}
	m := p.mark(n.Found)
	err := s.create(trialAttributes, m.Bytes())
	if err == nil {
		err = readBack(s, m.Bytes())
	}
	if n.Write = note.Result(err); err == nil {
		n.Left = &m
	} else if s.exists() {
		_ = s.delete() // efivarfs shows a name without a variable behind it
	}
	return nil
}

// readMark reads what an earlier boot left.
func readMark(s variableStore, n *efi.MarkNote) {
	data, err := s.read()
	if n.Read = note.Result(err); err != nil {
		return
	}
	n.Read = "foreign"
	if len(data) < 4 || binary.LittleEndian.Uint32(data) != trialAttributes {
		return
	}
	if m, err := efi.ParseMark(data[4:]); err == nil {
		n.Read, n.Found = "ok", &m
	}
}
