package qmp

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vmspec/results/report"
)

// A fakeQEMU answers commands as a table says: by "return", an "error", or a line that
// is no answer.
type fakeQEMU struct {
	mu      sync.Mutex
	answers map[string][]string // by command; the last one stays
	asked   []string
}

const greeting = `{"QMP": {"version": {}, "capabilities": []}}`

// serveAs returns the socket of a fake QEMU. A path of a socket may not be long.
func serveAs(t *testing.T, greeting string, answers map[string][]string) (*fakeQEMU, VM) {
	t.Helper()
	dir, err := os.MkdirTemp("", "qmp")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	vm := VM{filepath.Join(dir, "s")}
	l, err := net.Listen("unix", vm.Socket)
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	q := &fakeQEMU{answers: answers}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			fmt.Fprintln(conn, greeting)
			q.talk(conn)
		}
	}()
	return q, vm
}

func (q *fakeQEMU) talk(conn net.Conn) {
	defer conn.Close()
	for in := bufio.NewScanner(conn); in.Scan(); {
		var c struct {
			Execute   string          `json:"execute"`
			Arguments json.RawMessage `json:"arguments"`
		}
		if json.Unmarshal(in.Bytes(), &c) != nil {
			return
		}
		answer := `{"event": "X"}` + "\n" + `{"return": {}}`
		q.mu.Lock()
		if c.Execute != "qmp_capabilities" {
			q.asked = append(q.asked, strings.TrimSpace(c.Execute+" "+string(c.Arguments)))
		}
		if all := q.answers[c.Execute]; len(all) > 0 {
			answer = all[0]
			q.answers[c.Execute] = all[min(1, len(all)-1):]
		}
		q.mu.Unlock()
		if answer == "" {
			return
		}
		fmt.Fprintln(conn, answer)
	}
}

func refuses(desc string) string {
	return `{"error": {"class": "GenericError", "desc": "` + desc + `"}}`
}

const (
	onePort = `{"return": [{"devices": [
		{"qdev_id": "nic", "id": {"vendor": 6900, "device": 4161}},
		{"qdev_id": "full", "id": {"vendor": 6966, "device": 12}, "pci_bridge": {"devices": [{"qdev_id": "x"}]}},
		{"qdev_id": "", "id": {"vendor": 6966, "device": 12}, "pci_bridge": {}},
		{"qdev_id": "old", "id": {"vendor": 6966, "device": 1}, "pci_bridge": {}},
		{"qdev_id": "a", "id": {"vendor": 6966, "device": 12}, "pci_bridge": {"devices": []}},
		{"qdev_id": "b", "id": {"vendor": 32902, "device": 13344}, "pci_bridge": {}}]}]}`
	noPort  = `{"return": []}`
	present = `{"return": [{"name": "other"}, {"name": "vmspec-1"}]}`
	gone    = `{"return": [{"name": "other"}]}`
)

func TestServe(t *testing.T) {
	for name, c := range map[string]struct {
		need    string
		answers map[string][]string
		said    string
		err     string
		asked   []string
	}{
		"a disk": {report.NeedBlock, map[string][]string{"query-pci": {onePort}}, "device_add virtio-blk-pci,bus=a: done", "", []string{
			"query-pci", `blockdev-add {"driver":"raw","file":{"driver":"file","filename":"d.img"},"node-name":"vmspec-1"}`,
			`device_add {"addr":"0","bus":"a","drive":"vmspec-1","driver":"virtio-blk-pci","id":"vmspec-1"}`,
		}},
		"a port that is taken meanwhile": {report.NeedNet, map[string][]string{"query-pci": {onePort}, "device_add": {refuses("in use"), `{"return": {}}`}}, "device_add virtio-net-pci,bus=b: done", "", []string{
			"query-pci", `netdev_add {"id":"vmspec-1","type":"user"}`,
			`device_add {"addr":"0","bus":"a","driver":"virtio-net-pci","id":"vmspec-1","mac":"52:54:00:00:00:01","netdev":"vmspec-1","romfile":""}`,
			`device_add {"addr":"0","bus":"b","driver":"virtio-net-pci","id":"vmspec-1","mac":"52:54:00:00:00:01","netdev":"vmspec-1","romfile":""}`,
		}},
		"no port": {report.NeedNet, map[string][]string{"query-pci": {noPort}, "device_add": {refuses("Bus 'pcie.0' does not support hotplugging")}}, "", "device_add: Bus 'pcie.0' does not support hotplugging", []string{
			"query-pci", `netdev_add {"id":"vmspec-1","type":"user"}`,
			`device_add {"driver":"virtio-net-pci","id":"vmspec-1","mac":"52:54:00:00:00:01","netdev":"vmspec-1","romfile":""}`, `netdev_del {"id":"vmspec-1"}`,
		}},
		"no such disk": {report.NeedBlock, map[string][]string{"query-pci": {noPort}, "blockdev-add": {refuses("No such file")}}, "", "blockdev-add: No such file", nil},
		"a disk that goes": {report.UnplugBlock, map[string][]string{"device_del": {refuses("the guest is busy"), `{"return": {}}`}, "qom-list": {present, gone}}, "device_del: done, and the device has gone", "", []string{
			`device_del {"id":"vmspec-1"}`, `device_del {"id":"vmspec-1"}`, `qom-list {"path":"/machine/peripheral"}`, `qom-list {"path":"/machine/peripheral"}`, `blockdev-del {"node-name":"vmspec-1"}`,
		}},
		"a network device that stays": {report.UnplugNet, map[string][]string{"qom-list": {present}}, "device_del: done", "", nil},
		"no such device":              {report.UnplugNet, map[string][]string{"device_del": {refuses("Device 'vmspec-1' not found")}}, "", "device_del: Device 'vmspec-1' not found", nil},
		"a pause that is refused":     {report.NeedPause, map[string][]string{"stop": {refuses("no")}}, "", "stop: no", nil},
		"what QMP has not":            {report.NeedInput, nil, "", "QMP does not serve input", nil},
		"QEMU ends":                   {report.NeedBlock, map[string][]string{"query-pci": {""}}, "", "query-pci: QEMU closed the connection", nil},
		"no QMP":                      {report.NeedBlock, map[string][]string{"qmp_capabilities": {"hello"}}, "", "invalid character", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q, vm := serveAs(t, greeting, c.answers)
			within := time.Minute
			if strings.HasSuffix(name, "that stays") {
				within = 5 * time.Second
			}
			ctx, cancel := context.WithTimeout(t.Context(), within)
			defer cancel()
			said, err := vm.Serve(ctx, report.Need{Name: c.need, Nonce: "1", Timeout: 2}, Device{Disk: "d.img", MAC: "52:54:00:00:00:01"})
			require.Equal(t, c.said, said)
			if c.err == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, c.err)
			}
			if c.asked != nil {
				require.Equal(t, c.asked, q.asked)
			}
		})
	}
}

func TestServeOtherSockets(t *testing.T) {
	t.Parallel()
	_, err := VM{filepath.Join(t.TempDir(), "none")}.Serve(t.Context(), report.Need{Name: report.NeedPause}, Device{})
	require.ErrorContains(t, err, "no such file")
	_, vm := serveAs(t, "SSH-2.0", nil)
	_, err = vm.Serve(t.Context(), report.Need{Name: report.NeedPause}, Device{})
	require.ErrorContains(t, err, "does not greet as QMP does")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, vm = serveAs(t, "", nil) // somebody else is served
	_, err = vm.Serve(ctx, report.Need{Name: report.NeedPause}, Device{})
	require.ErrorContains(t, err, "i/o timeout")
}

// QEMU itself, without a guest, plugs a disk and a network device, and says why it
// cannot where there is no port.
func TestServeByQEMU(t *testing.T) {
	const binary = "qemu-system-aarch64"
	if os.Getenv("VMSPEC_BOOT") == "" {
		t.Skip("starts QEMU: make test sets VMSPEC_BOOT")
	}
	dir, err := os.MkdirTemp("", "qmp")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	disk := filepath.Join(dir, "d.img")
	require.NoError(t, os.WriteFile(disk, make([]byte, 1<<20), 0o600))
	for ports, want := range map[int]string{0: "does not support hotplugging", 2: ""} {
		vm := VM{filepath.Join(dir, fmt.Sprint(ports))}
		args := []string{"-machine", "virt", "-S", "-nodefaults", "-display", "none", "-qmp", "unix:" + vm.Socket + ",server=on,wait=off"}
		for i := range ports {
			args = append(args, "-device", fmt.Sprintf("pcie-root-port,id=p%d,chassis=%[1]d", i))
		}
		qemu := exec.Command(binary, args...)
		qemu.Stderr = t.Output()
		require.NoError(t, qemu.Start())
		t.Cleanup(func() { _ = qemu.Wait() })
		t.Cleanup(func() { _ = qemu.Process.Kill() })
		require.Eventually(t, func() bool { _, err := os.Stat(vm.Socket); return err == nil }, time.Minute, 20*time.Millisecond)
		for i, need := range []string{report.NeedBlock, report.NeedNet} {
			said, err := vm.Serve(t.Context(), report.Need{Name: need, Nonce: fmt.Sprint(i)}, Device{Disk: disk, MAC: "52:54:00:00:00:01"})
			if want != "" {
				require.ErrorContains(t, err, want)
				continue
			}
			require.NoError(t, err)
			require.Contains(t, said, fmt.Sprintf("bus=p%d: done", i))
		}
	}
}
