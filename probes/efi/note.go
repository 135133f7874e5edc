package efi

import (
	"io/fs"

	"vmspec/probes/note"
)

// TableNote is what the UEFI system table says.
type TableNote struct {
	Address  uint64
	Revision *uint32 // major in the upper 16 bits, minor in the lower
	Vendor   string
	Tables   []Table
}

// A Table is an entry of the configuration table.
type Table struct {
	GUID    string
	Address string // physical, hexadecimal
}

// Format declares vmspec/efi.
func (n *TableNote) Format() note.Format {
	return note.Format{Name: "efi", Doc: "the UEFI system table, where /dev/mem shows it", Rows: []note.Row{
		note.Line("address", "", note.Hex("ADDRESS", &n.Address)),
		note.Maybe(&n.Revision, func(r *uint32) note.Row {
			return note.Line("revision", "major in the upper 16 bits, minor in the lower", note.Hex32("REVISION", r))
		}),
		note.Line("vendor", "", note.Quoted("TEXT", &n.Vendor)),
		note.Each(&n.Tables, func(t *Table) note.Row {
			return note.Line("table", "for each entry of the configuration table",
				note.Word("GUID", &t.GUID), note.Word("ADDRESS", &t.Address))
		}),
	}}
}

// MountsNote is empty, or has the error.
func MountsNote() *note.FreeText {
	return &note.FreeText{Name: "mounts", Doc: "why efivarfs could not be mounted"}
}

// VariablesNote is what became of a variable that the suite made and took away:
// the result of each step, "ok", "differs" or the kernel's error.
type VariablesNote struct {
	Space                                       *Space // nil where the kernel does not say
	Stale, Create, Read, Append, Reread, Delete string
}

// Space is what QueryVariableInfo said, in bytes.
type Space struct{ Free, Total uint64 }

// Format declares vmspec/variables.
func (n *VariablesNote) Format() note.Format {
	f := note.Format{Name: "variables", Doc: "a UEFI variable that was made, read, extended and deleted", Rows: []note.Row{
		note.Maybe(&n.Space, func(s *Space) note.Row {
			return note.Line("space", "bytes", note.Uint("FREE", &s.Free), note.Uint("TOTAL", &s.Total))
		}),
	}}
	for _, s := range n.steps() {
		f.Rows = append(f.Rows, note.Line(s.name, s.doc, note.Words("RESULT", s.result)))
	}
	return f
}

// step is a step of the trial.
type step struct {
	name   string
	result *string
	doc    string
}

// steps are the steps in their order.
func (n *VariablesNote) steps() []step {
	return []step{
		{"stale", &n.Stale, "deletes a variable that an earlier trial left"},
		{"create", &n.Create, ""},
		{"read", &n.Read, "what was created came back"},
		{"append", &n.Append, ""},
		{"reread", &n.Reread, "what was appended came back, too"},
		{"delete", &n.Delete, ""},
	}
}

// A Trial is what became of a variable that the suite made and took away.
type Trial struct {
	Steps []Step
	Space *Space `json:",omitempty"` // nil where the kernel does not say
	Err   string // why there is no more of it, or none at all
}

// A Step is one thing that was done to the variable: stale, create, read,
// append, reread and delete, in this order.
type Step struct {
	Name   string
	Result string // "ok", "differs" or the kernel's error, "EIO input/output error"
}

// Result returns what became of a step; it is empty if the trial did not come
// to it.
func (t *Trial) Result(step string) string {
	for _, s := range t.Steps {
		if s.Name == step {
			return s.Result
		}
	}
	return ""
}

func readTrial(fsys fs.FS) Trial {
	var n VariablesNote
	err := note.Read(fsys, &n)
	t := Trial{Space: n.Space}
	for _, s := range n.steps() {
		if *s.result != "" {
			t.Steps = append(t.Steps, Step{s.name, *s.result})
		}
	}
	if err != nil {
		t.Err = err.Error()
	}
	return t
}
