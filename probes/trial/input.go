package trial

import (
	"fmt"
	"io"
	"math/rand/v2"

	"vmspec/probes/console"

	"vmspec/probes/note"
)

// maxInput bounds what is kept of what was typed.
const maxInput = 64

// An Input is a terminal on which somebody was asked to type a word.
type Input struct {
	name, word string
	terminal   io.ReadCloser // reads what is there and does not wait; nil where it could not be opened
	err        error
}

// AskInput asks on each terminal for a word of its own and returns at once:
// who answers has until [CollectInput].
func AskInput(terminals []string) []Input {
	var out []Input
	for _, name := range terminals {
		i := Input{name: name, word: fmt.Sprintf("%08x", rand.Uint32())}
		i.terminal, i.err = askOn(name, console.InputRequest+i.word+"\n")
		out = append(out, i)
	}
	return out
}

// CollectInput writes what came of it:
//
//	asked TERMINAL WORD RESULT
//	typed TERMINAL "TEXT"      not where nothing was
//
// with results as [tryVariables] has them, and puts the terminals back.
func CollectInput(inputs []Input, out io.Writer) error {
	for _, i := range inputs {
		fmt.Fprintf(out, "asked %s %s %s\n", i.name, i.word, note.Result(i.err))
		if i.err != nil {
			continue
		}
		if text := typed(i.terminal); text != "" {
			fmt.Fprintf(out, "typed %s %q\n", i.name, text)
		}
		_ = i.terminal.Close() // nothing is lost with it
	}
	return nil
}

// typed reads what is there.
func typed(terminal io.Reader) string {
	text := make([]byte, 0, maxInput)
	for len(text) < maxInput {
		n, err := terminal.Read(text[len(text):maxInput])
		if text = text[:len(text)+n]; n == 0 || err != nil {
			break
		}
	}
	return string(text)
}
