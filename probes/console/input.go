package console

import (
	"fmt"
	"io/fs"
	"strconv"

	"vmspec/probes/note"
)

// InputRequest begins the line, behind it the word, by which a guest asks
// whoever reads a console to type the word there and Enter.
const InputRequest = "# vmspec: input please type "

// An Input is a terminal on which somebody was asked to type a word.
type Input struct {
	Terminal string
	Word     string
	Asked    string // "ok" or the kernel's error
	Typed    string // what came in time; empty for nothing
}

// readInputs reads the note vmspec/input.
func readInputs(fsys fs.FS) ([]Input, error) {
	var inputs []Input
	lines, err := note.Read(fsys, "input")
	for _, l := range lines {
		switch l.Word(0) {
		case "asked":
			inputs = append(inputs, Input{Terminal: l.Word(1), Word: l.Word(2), Asked: l.Rest(3)})
		case "typed":
			text, err := strconv.Unquote(l.Rest(2))
			if n := len(inputs); err != nil || n == 0 || inputs[n-1].Terminal != l.Word(1) {
				return inputs, fmt.Errorf("vmspec/input: %s typed %.80q", l.Word(1), l.Rest(2))
			}
			inputs[len(inputs)-1].Typed = text
		}
	}
	return inputs, err
}
