package cpu_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/probes/cpu"
	"vmspec/probes/guest/guesttest"
)

// offline reads a note in a captured guest.
func offline(t *testing.T, text string) cpu.Offline {
	t.Helper()
	f, err := cpu.Read(guesttest.Open(t, four).With(map[string][]byte{"vmspec/offline": []byte(text)}))
	require.NoError(t, err)
	return f.Offline
}

func TestReadOffline(t *testing.T) {
	single, two := uint64(1), uint64(2)
	tests := map[string]struct {
		text string
		want cpu.Offline
	}{
		"hung":                   {"error hung for 15s\n", cpu.Offline{Err: "vmspec/offline: hung for 15s"}},
		"a count no number":      {"secondaries x\n", cpu.Offline{Err: `vmspec/offline: secondaries: N: "x" is not a number`}},
		"off no CPU":             {"off x ok\n", cpu.Offline{Err: `vmspec/offline: off: CPU: "x" is not a number`}},
		"on before off":          {"on 1 ok\n", cpu.Offline{Tried: []cpu.Switched{{Number: 1, On: "ok"}}, Err: "vmspec/offline: cpu 1 came back, and did not go off before"}},
		"on after another's off": {"off 2 ok\non 1 ok\n", cpu.Offline{Tried: []cpu.Switched{{Number: 2, Off: "ok"}, {Number: 1, On: "ok"}}, Err: "vmspec/offline: cpu 1 came back, and did not go off before"}},
		"ran nowhere":            {"off 2 ok\nran 2 x\n", cpu.Offline{Tried: []cpu.Switched{{Number: 2, Off: "ok"}}, Err: `vmspec/offline: ran: ON: "x" is not a number`}},
		"a word we know not":     {"later 1\n", cpu.Offline{}},
		"refused":                {"secondaries 1\noff 2 EBUSY device or resource busy\n", cpu.Offline{Secondaries: &single, Tried: []cpu.Switched{{Number: 2, Off: "EBUSY device or resource busy"}}}},
		"whole": {"secondaries 1\noff 2 ok\non 2 ok\nran 2 2\nlog psci: CPU2 may not\n",
			cpu.Offline{Secondaries: &single, Tried: []cpu.Switched{{Number: 2, Off: "ok", On: "ok", Ran: &two}}, Log: []string{"psci: CPU2 may not"}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { require.Equal(t, test.want, offline(t, test.text)) })
	}
	for text, lost := range map[string]bool{"error hung for 15s\n": true, "error crashed: SIGILL\n": true, "error open /dev/kmsg: EPERM\n": false, "": false} {
		o := offline(t, text)
		require.Equal(t, lost, o.Lost(), text)
	}
}

func TestReadOfflineNotCaptured(t *testing.T) {
	f, err := cpu.Read(guesttest.Open(t, one))
	require.NoError(t, err)
	require.Contains(t, f.Offline.Err, "not captured")
	require.False(t, f.Offline.Lost())
}

// Whatever stands in the note, an error says where.
func FuzzReadOffline(f *testing.F) {
	f.Add("secondaries 1\noff 2 ok\non 2 ok\nran 2 2\nlog psci: CPU2 may not\n")
	f.Add("off\non\nran\nerror gone\n")
	files := guesttest.Open(f, one)
	f.Fuzz(func(t *testing.T, text string) {
		got, err := cpu.Read(files.With(map[string][]byte{"vmspec/offline": []byte(text)}))
		require.NoError(t, err)
		if got.Offline.Err != "" {
			require.Contains(t, got.Offline.Err, "vmspec/offline")
		}
	})
}
