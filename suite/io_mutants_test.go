package suite

// A whole trial of a variable.
const variables = "space 260456 262044\ncreate ok\nread ok\nappend ok\nreread ok\ndelete ok\n"

// ioMutants are guests whose firmware or devices do not do what they should
// when somebody tries.
var ioMutants = []mutant{
	{
		name: "a variable that can be written", guest: uefiGuest, change: replace("vmspec/variables", variables),
		want: map[string]Verdict{"FW-VAR-WRITE": Pass},
	},
	{
		name: "SetVariable that refuses", guest: uefiGuest, change: replace("vmspec/variables", "create EIO input/output error\n"),
		want:    map[string]Verdict{"FW-VAR-WRITE": Fail, "FW-VAR-RUNTIME": Fail},
		problem: map[string]string{"FW-VAR-WRITE": "create: EIO", "FW-VAR-RUNTIME": "a variable could not be created: EIO"},
	},
	{
		name: "a full variable store", guest: uefiGuest, change: replace("vmspec/variables", "space 0 262044\ncreate ENOSPC no space left on device\n"),
		want:    map[string]Verdict{"FW-VAR-WRITE": Fail},
		problem: map[string]string{"FW-VAR-WRITE": "create: ENOSPC no space left on device"},
	},
	{
		name: "a variable that comes back as another", guest: uefiGuest, change: replace("vmspec/variables", "create ok\nread differs\ndelete ok\n"),
		want:    map[string]Verdict{"FW-VAR-WRITE": Fail},
		problem: map[string]string{"FW-VAR-WRITE": "read: differs"},
	},
	{
		name: "a firmware without EFI_VARIABLE_APPEND_WRITE", guest: uefiGuest,
		change:  replace("vmspec/variables", "create ok\nread ok\nappend EINVAL invalid argument\ndelete ok\n"),
		want:    map[string]Verdict{"FW-VAR-WRITE": Fail},
		problem: map[string]string{"FW-VAR-WRITE": "append: EINVAL"},
	},
	{
		name: "a variable that stays", guest: uefiGuest,
		change: replace("vmspec/variables", "create ok\nread ok\nappend ok\nreread ok\ndelete EINVAL invalid argument\n"),
		want:   map[string]Verdict{"FW-VAR-WRITE": Fail},
	},
	{
		name: "a kernel that does not let write", guest: uefiGuest, change: replace("vmspec/variables", "create EPERM operation not permitted\n"),
		want: map[string]Verdict{}, problem: map[string]string{"FW-VAR-WRITE": "create: EPERM"},
	},
	{
		name: "a firmware that hangs in SetVariable", guest: uefiGuest, change: replace("vmspec/variables", "error hung for 15s\n"),
		want: map[string]Verdict{}, problem: map[string]string{"FW-VAR-WRITE": "hung for 15s"},
	},
	{
		name: "a trial of a variable that broke off", guest: uefiGuest, change: replace("vmspec/variables", "create ok\n"),
		want: map[string]Verdict{}, problem: map[string]string{"FW-VAR-WRITE": "did not come to its end"},
	},
	{
		name: "our own vmspec.readonly", guest: uefiGuest, change: edit("proc/cmdline", "panic=-1", "vmspec.readonly"),
		want:    map[string]Verdict{"FW-VAR-WRITE": Skip},
		problem: map[string]string{"FW-VAR-WRITE": "vmspec.readonly"},
	},
	{
		name: "somebody else's guest", guest: uefiGuest, change: replace("vmspec/context", "program\n"),
		want:    map[string]Verdict{"FW-VAR-WRITE": Skip},
		problem: map[string]string{"FW-VAR-WRITE": "needs-own-guest"},
	},
}
