package console

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

func inputsOf(text string) ([]Input, error) {
	return readInputs(fstest.MapFS{"vmspec/input": {Data: []byte(text)}})
}

func TestReadInputs(t *testing.T) {
	const asked = "asked ttyAMA0 0a1b2c3d ok\n"
	silent := Input{Terminal: "ttyAMA0", Word: "0a1b2c3d", Asked: "ok"}
	answered := silent
	answered.Typed = "0a1b2c3d\n"
	tests := map[string]struct {
		text string
		want []Input
		err  string
	}{
		"failed":              {"error hung for 15s\n", nil, "vmspec/input: hung for 15s"},
		"typed before asked":  {`typed ttyAMA0 "x"`, nil, "vmspec/input: ttyAMA0 typed"},
		"typed elsewhere":     {asked + `typed hvc0 "x"`, []Input{silent}, "vmspec/input: hvc0 typed"},
		"typed without quote": {asked + "typed ttyAMA0 x\n", []Input{silent}, `ttyAMA0 typed "x"`},
		"nothing typed":       {asked, []Input{silent}, ""},
		"not asked":           {"asked hvc0 00000000 ENODEV no such device\n", []Input{{Terminal: "hvc0", Word: "00000000", Asked: "ENODEV no such device"}}, ""},
		"a word we know not":  {"later 1\n" + asked, []Input{silent}, ""},
		"answered":            {asked + `typed ttyAMA0 "0a1b2c3d\n"` + "\n", []Input{answered}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := inputsOf(test.text)
			require.Equal(t, test.want, got)
			if test.err == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, test.err)
			}
		})
	}
}

// Whatever stands in the note, an error says where.
func FuzzReadInputs(f *testing.F) {
	f.Add("asked ttyAMA0 0a1b2c3d ok\ntyped ttyAMA0 \"0a1b2c3d\\n\"\n")
	f.Add("typed ttyAMA0 x\nerror gone\n")
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := inputsOf(text); err != nil {
			require.Contains(t, err.Error(), "vmspec/input")
		}
	})
}
