package trial

import (
	"fmt"
	"io"
	"math/rand/v2"

	"vmspec/probes/console"

	"vmspec/probes/note"
)

// maxInput is how many bytes are kept of what was typed.
const maxInput = 64

// An Input is a terminal on which somebody was asked to type a word.
type Input struct {
	name, word string
	terminal   io.ReadCloser // its reads do not wait; nil where it could not be opened
	err        error
}

// AskInput asks on each terminal for another word, by the line that request makes
// of it, and does not wait. Answers are accepted until [CollectInput].
func AskInput(terminals []string, request func(word string) string) []Input {
	var out []Input
	for _, name := range terminals {
		i := Input{name: name, word: fmt.Sprintf("%08x", rand.Uint32())}
		i.terminal, i.err = askOn(name, request(i.word)+"\n")
		out = append(out, i)
	}
	return out
}

// CollectInput notes the answers, and restores the terminals' settings.
func CollectInput(inputs []Input, n *console.InputNote) error {
	for _, i := range inputs {
		asked := console.Input{Terminal: i.name, Word: i.word, Asked: note.Result(i.err)}
		if i.err == nil {
			asked.Typed = typed(i.terminal)
			_ = i.terminal.Close() // its settings do not matter any more
		}
		n.Inputs = append(n.Inputs, asked)
	}
	return nil
}

// typed returns what was typed so far.
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
