package kernel

import (
	"errors"
	"io/fs"
	"strings"

	"vmspec/probes/note"
)

// ArchNote is the architecture for which the suite was built.
func ArchNote() *note.FreeText { return &note.FreeText{Name: "arch", Doc: "GOARCH of the suite"} }

// How the suite runs.
const (
	ContextPID1    = "pid1"    // it booted the guest
	ContextProgram = "program" // somebody else did
	ContextImage   = "image"   // no guest runs: a kernel in a disk image is judged
)

// Partial stands behind ContextImage where file systems of the image were not read
// and may hold more modules.
const Partial = "partial"

// ContextNote is how the suite runs.
func ContextNote() *note.FreeText {
	return &note.FreeText{Name: "context", Doc: `"pid1" where the suite booted the guest, else "program"`}
}

// LogNote is the kernel's log.
func LogNote() *note.FreeText {
	return &note.FreeText{Name: "kmsg", Doc: "the kernel's log, a message a line with its time stamp"}
}

// ParametersNote is what SMBIOS has for the suite.
func ParametersNote() *note.FreeText {
	return &note.FreeText{Name: "parameters", Doc: "the suite's parameters from SMBIOS OEM strings"}
}

// ModulesNote is what became of each module the suite wanted loaded.
type ModulesNote struct {
	Loaded, Idle []string
	Missing      []Missing
}

// Missing is a module that was not loaded, and why.
type Missing struct{ Name, Why string }

// Format declares vmspec/modules.
func (n *ModulesNote) Format() note.Format {
	return note.Format{Name: "modules", Doc: "what became of each module the suite wanted loaded", Rows: []note.Row{
		note.Each(&n.Loaded, func(name *string) note.Row { return note.Line("loaded", "", note.Word("NAME", name)) }),
		note.Each(&n.Idle, func(name *string) note.Row {
			return note.Line("idle", "available, but no device asks for it", note.Word("NAME", name))
		}),
		note.Each(&n.Missing, func(m *Missing) note.Row {
			return note.Line("missing", "built in, or not available, or loading failed", note.Word("NAME", &m.Name), note.Words("WHY", &m.Why))
		}),
	}}
}

// words reads the words of a note of one line.
func words(fsys fs.FS, n *note.FreeText) []string {
	_ = note.Read(fsys, n) // it may have been left out
	return strings.Fields(n.Text)
}

// Log returns the kernel's log from the note that the guest left, a message
// an item, with its time stamp. It is not to be changed: it may be shared.
func Log(fsys fs.FS) ([]string, error) {
	name := note.Path(LogNote())
	return keep(fsys, name, func() ([]string, error) { return readLog(fsys, name) })
}

func readLog(fsys fs.FS, name string) ([]string, error) {
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, err
	}
	if failure, ok := strings.CutPrefix(string(data), "error "); ok {
		return nil, errors.New(strings.TrimSpace(failure))
	}
	return strings.Split(strings.TrimSuffix(string(data), "\n"), "\n"), nil
}

// Message returns a line of the kernel's log without its time stamp:
// "[    0.000000] text".
func Message(line string) string {
	stamp, text, found := strings.Cut(line, "] ")
	seconds, begins := strings.CutPrefix(stamp, "[")
	if !found || !begins || strings.Trim(seconds, " .0123456789") != "" {
		return line
	}
	return text
}
