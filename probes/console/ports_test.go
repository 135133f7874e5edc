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
		"without a result":   {"port vport1p1 ok\nport vport1p2\n", first, "vmspec/ports: port vport1p2 without a result"},
		"without a name":     {"port\n", nil, "without a result"},
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
