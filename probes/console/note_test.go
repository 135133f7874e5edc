package console

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

func portsOf(text string) ([]Port, error) {
	return readPorts(fstest.MapFS{"vmspec/ports": {Data: []byte(text)}})
}

func TestReadPorts(t *testing.T) {
	first := []Port{{"vport1p1", "ok"}}
	tests := map[string]struct {
		text string
		want []Port
		err  string
	}{
		"failed":             {"error hung for 15s\n", nil, "vmspec/ports: hung for 15s"},
		"without a result":   {"port vport1p1 ok\nport vport1p2\n", first, "vmspec/ports: port: no RESULT"},
		"without a name":     {"port\n", nil, "port: no DEVICE"},
		"a word we know not": {"later 1\nport vport1p1 ok\n", first, ""},
		"none":               {"", nil, ""},
		"not opened":         {"port vport1p1 ENXIO no such device\n", []Port{{"vport1p1", "ENXIO no such device"}}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := portsOf(test.text)
			require.Equal(t, test.want, got)
			if test.err == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, test.err)
			}
		})
	}
}

// Whatever stands in the note, a port has a result and an error says where.
func FuzzReadPorts(f *testing.F) {
	f.Add("port vport1p1 ok\nport vport1p2 EBUSY device or resource busy\n")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := portsOf(text)
		for _, p := range got {
			require.NotEmpty(t, p.Result)
		}
		if err != nil {
			require.Contains(t, err.Error(), "vmspec/ports")
		}
	})
}

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
		"typed before asked":  {`typed ttyAMA0 "x"`, []Input{{Terminal: "ttyAMA0", Typed: "x"}}, `vmspec/input: ttyAMA0 typed "x"`},
		"typed elsewhere":     {asked + `typed hvc0 "x"`, []Input{silent, {Terminal: "hvc0", Typed: "x"}}, `vmspec/input: hvc0 typed "x"`},
		"typed without quote": {asked + "typed ttyAMA0 x\n", []Input{silent}, `typed: TEXT: "x" is not a quoted text`},
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
