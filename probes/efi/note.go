package efi

import "vmspec/probes/note"

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

// A Trial is what became of a variable that the suite made and took away: of each
// step "ok", "differs" or the kernel's error, and empty where it did not come to
// that.
type Trial struct {
	Space  *Space `json:",omitempty"` // nil where the kernel does not say
	Stale  string `json:",omitempty"`
	Create string `json:",omitempty"`
	Read   string `json:",omitempty"`
	Append string `json:",omitempty"`
	Reread string `json:",omitempty"`
	Delete string `json:",omitempty"`
	Err    string // why there is no more of it, or none at all
}

// Space is what QueryVariableInfo said, in bytes.
type Space struct{ Free, Total uint64 }

// Format declares vmspec/variables.
func (t *Trial) Format() note.Format {
	f := note.Format{Name: "variables", Doc: "a UEFI variable that was made, read, extended and deleted", Rows: []note.Row{
		note.Maybe(&t.Space, func(s *Space) note.Row {
			return note.Line("space", "bytes", note.Uint("FREE", &s.Free), note.Uint("TOTAL", &s.Total))
		}),
	}}
	for _, s := range t.steps() {
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
func (t *Trial) steps() []step {
	return []step{
		{"stale", &t.Stale, "deletes a variable that an earlier trial left"},
		{"create", &t.Create, ""},
		{"read", &t.Read, "what was created came back"},
		{"append", &t.Append, ""},
		{"reread", &t.Reread, "what was appended came back, too"},
		{"delete", &t.Delete, ""},
	}
}

// A Step is one thing that was done to the variable.
type Step struct{ Name, Result string }

// Steps are the steps that were made, in their order.
func (t *Trial) Steps() (made []Step) {
	for _, s := range t.steps() {
		if *s.result != "" {
			made = append(made, Step{s.name, *s.result})
		}
	}
	return made
}
