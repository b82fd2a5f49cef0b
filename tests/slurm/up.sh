#!/usr/bin/env bash
# Bring up a real one-node SLURM cluster on a bare Debian machine or container:
# no systemd, no docker, no real GPU.  Run as root.  Safe to run again.
#
#   SLURM_CI_GPUS=2    fake GPUs on the node (gres/gpu)
#   SLURM_CI_CPUS=     CPUs the node claims (default: nproc)
#   SLURM_CI_DBD=0     1: also MariaDB + slurmdbd, so that sacct answers
#   SLURM_CI_ROOT=     state, logs, pid files (default /var/lib/slurm-ci)
set -euo pipefail

ROOT=${SLURM_CI_ROOT:-/var/lib/slurm-ci}
GPUS=${SLURM_CI_GPUS:-2}
CPUS=${SLURM_CI_CPUS:-$(nproc)}
DBD=${SLURM_CI_DBD:-0}
HOST=$(hostname -s)
ETC=/etc/slurm
MARK="# written by tests/slurm/up.sh"
T0=$(date +%s.%N)

say() { printf '[slurm-up %6.1fs] %s\n' "$(awk -v a="$(date +%s.%N)" -v b="$T0" 'BEGIN {print a - b}')" "$*"; }
die() { say "FAILED: $*" >&2; exit 1; }
# alive NAME: the pid we recorded for NAME is still a process of that name
alive() {
    local f=$ROOT/run/$1.pid p
    [ -s "$f" ] && p=$(cat "$f") && [ -r "/proc/$p/comm" ] && [ "$(cat "/proc/$p/comm")" = "$1" ]
}
wait_for() {  # wait_for SECONDS WHAT CMD...
    local n=$1 what=$2 i; shift 2
    for ((i = 0; i < n * 5; i++)); do "$@" >/dev/null 2>&1 && return 0; sleep 0.2; done
    die "$what did not come up in ${n}s (logs in $ROOT/log)"
}

[ "$(id -u)" = 0 ] || die "run as root"
for f in slurm.conf gres.conf cgroup.conf; do
    if [ -e $ETC/$f ] && ! grep -qF "$MARK" $ETC/$f; then
        die "$ETC/$f is not ours; refusing to touch a real SLURM configuration"
    fi
done

# ---------------------------------------------------------------- packages
want="munge slurm-client slurmctld slurmd"
[ "$DBD" = 1 ] && want="$want slurmdbd mariadb-server"
missing=""
for p in $want; do
    dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'install ok installed' || missing="$missing $p"
done
if [ -n "$missing" ]; then
    say "installing:$missing"
    policy=/usr/sbin/policy-rc.d        # keep postinst scripts from starting daemons
    made=0
    if [ ! -e $policy ]; then printf '#!/bin/sh\nexit 101\n' >$policy; chmod 755 $policy; made=1; fi
    export DEBIAN_FRONTEND=noninteractive
    [ -n "$(find /var/lib/apt/lists -name '*_Packages*' -mmin -1440 -print -quit 2>/dev/null)" ] ||
        apt-get -qq update
    mkdir -p "$ROOT"
    # shellcheck disable=SC2086
    apt-get -qq install -y --no-install-recommends $missing >"$ROOT/apt.log" 2>&1 ||
        { tail -20 "$ROOT/apt.log" >&2; [ $made = 1 ] && rm -f $policy; die "apt-get install"; }
    [ $made = 1 ] && rm -f $policy
    say "installed: slurm $(dpkg-query -W -f='${Version}' slurmd)"
fi
mkdir -p "$ROOT"/{state,spool,log,run,dev} $ETC

# ---------------------------------------------------------------- munge
if [ ! -s /etc/munge/munge.key ]; then
    mkdir -p /etc/munge
    (umask 077; head -c 1024 /dev/urandom >/etc/munge/munge.key)
fi
chown munge: /etc/munge /etc/munge/munge.key; chmod 700 /etc/munge; chmod 400 /etc/munge/munge.key
install -d -o munge -g munge -m 0755 /run/munge
install -d -o munge -g munge -m 0700 /var/lib/munge /var/log/munge
if munge -n >/dev/null 2>&1; then
    say "munged already answers"
else
    setpriv --reuid munge --regid munge --clear-groups /usr/sbin/munged
    wait_for 10 munged munge -n
    cp /run/munge/munged.pid "$ROOT/run/munged.pid"
    say "munged up"
fi

# ---------------------------------------------------------------- configuration
mem=$(awk '/^MemTotal/ {printf "%d", $2 / 1024 * 0.9}' /proc/meminfo)
gres_node=""; gres_types=""; gres_conf=""
if [ "$GPUS" -gt 0 ]; then
    # slurmd wants character devices with numbered names.  Symlinks to harmless
    # ones will do (no mknod).  With File= (unlike a bare Count=) SLURM numbers
    # the devices and gives each job its own CUDA_VISIBLE_DEVICES.
    for ((i = 0; i < GPUS; i++)); do ln -sfn /dev/null "$ROOT/dev/nvidia$i"; done
    gres_types="GresTypes=gpu"
    gres_node="Gres=gpu:fake:$GPUS"
    gres_conf="NodeName=$HOST Name=gpu Type=fake File=$ROOT/dev/nvidia[0-$((GPUS - 1))]"
fi
if [ "$DBD" = 1 ]; then
    acct="AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=localhost
AccountingStoreFlags=job_comment
AccountingStorageTRES=gres/gpu"
else
    acct="AccountingStorageType=accounting_storage/none"
fi
new_conf=$(cat <<CONF
$MARK
ClusterName=ci
SlurmctldHost=$HOST(127.0.0.1)
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
AuthType=auth/munge
CryptoType=crypto/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation=$ROOT/state
SlurmdSpoolDir=$ROOT/spool
SlurmctldPidFile=$ROOT/run/slurmctld.pid
SlurmdPidFile=$ROOT/run/slurmd.pid
SlurmctldLogFile=$ROOT/log/slurmctld.log
SlurmdLogFile=$ROOT/log/slurmd.log
SwitchType=switch/none
MpiDefault=none
# no cgroups: they are read-only or absent in most containers.  pgid, not
# linuxproc: linuxproc loses processes whose parent has died
ProctrackType=proctrack/pgid
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
# memory limits are enforced by polling instead
JobAcctGatherParams=OverMemoryKill
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SlurmdParameters=config_overrides
ReturnToService=2
# finished jobs stay visible to squeue --states=all for this many seconds
MinJobAge=3600
MaxArraySize=1001
KillWait=5
CompleteWait=0
InactiveLimit=0
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,bf_interval=2,sched_interval=5
$acct
$gres_types
NodeName=$HOST NodeAddr=127.0.0.1 CPUs=$CPUS RealMemory=$mem $gres_node State=UNKNOWN
PartitionName=cpu Nodes=$HOST Default=YES DefaultTime=00:10:00 MaxTime=02:00:00 DefMemPerCPU=512 State=UP
PartitionName=gpu Nodes=$HOST Default=NO  DefaultTime=00:10:00 MaxTime=02:00:00 DefMemPerCPU=512 State=UP
CONF
)
changed=0
[ "$new_conf" = "$(cat $ETC/slurm.conf 2>/dev/null)" ] || { changed=1; printf '%s\n' "$new_conf" >$ETC/slurm.conf; }
printf '%s\n%s\n' "$MARK" "$gres_conf" >$ETC/gres.conf
# slurmd loads a cgroup plugin even when nothing uses one, and will not start if
# that fails; v1 on an empty directory always loads
mkdir -p "$ROOT/cgroup"
printf '%s\nCgroupPlugin=cgroup/v1\nCgroupMountpoint=%s\n' "$MARK" "$ROOT/cgroup" >$ETC/cgroup.conf
chmod 644 $ETC/slurm.conf $ETC/gres.conf $ETC/cgroup.conf
if [ $changed = 1 ] && { alive slurmctld || alive slurmd; }; then
    say "configuration changed: restarting the daemons"
    "$(dirname "$(readlink -f "$0")")/down.sh" --keep-munge
fi

# ---------------------------------------------------------------- accounting (optional)
if [ "$DBD" = 1 ]; then
    sock=$ROOT/mysqlrun/mysqld.sock
    install -d -o mysql -g mysql -m 0750 "$ROOT/mysql"
    install -d -o mysql -g mysql -m 0755 "$ROOT/mysqlrun"
    if [ ! -d "$ROOT/mysql/mysql" ]; then
        mariadb-install-db --no-defaults --user=mysql --datadir="$ROOT/mysql" \
            --auth-root-authentication-method=socket --skip-test-db >"$ROOT/log/mariadb-install.log" 2>&1 ||
            die "mariadb-install-db"
        say "database created"
    fi
    if ! alive mariadbd; then
        setsid /usr/sbin/mariadbd --no-defaults --user=mysql --datadir="$ROOT/mysql" \
            --socket="$sock" --pid-file="$ROOT/mysqlrun/mysqld.pid" --skip-networking \
            --innodb-buffer-pool-size=64M --innodb-lock-wait-timeout=900 \
            --log-error="$ROOT/log/mariadb.log" </dev/null >/dev/null 2>&1 &
        echo $! >"$ROOT/run/mariadbd.pid"
        wait_for 30 mariadbd mariadb --no-defaults --socket="$sock" -e 'select 1'
        say "mariadbd up"
    fi
    mariadb --no-defaults --socket="$sock" <<SQL
create database if not exists slurm_acct_db;
create user if not exists slurm@localhost identified by 'slurm';
grant all on slurm_acct_db.* to slurm@localhost;
SQL
    (umask 077; cat >$ETC/slurmdbd.conf <<CONF
$MARK
AuthType=auth/munge
DbdHost=localhost
DbdAddr=127.0.0.1
SlurmUser=root
PidFile=$ROOT/run/slurmdbd.pid
LogFile=$ROOT/log/slurmdbd.log
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=slurm
StoragePass=slurm
StorageLoc=slurm_acct_db
CONF
    )
    chmod 600 $ETC/slurmdbd.conf
    if ! alive slurmdbd; then
        MYSQL_UNIX_PORT=$sock /usr/sbin/slurmdbd
        wait_for 60 slurmdbd sacctmgr -n list cluster
        say "slurmdbd up"
    fi
    sacctmgr -n list cluster format=cluster | grep -qw ci || sacctmgr -i -Q add cluster ci >/dev/null
    sacctmgr -n list account format=account | grep -qw ci || sacctmgr -i -Q add account ci description=ci organization=ci >/dev/null
    sacctmgr -n list assoc user=root format=account | grep -qw ci || sacctmgr -i -Q add user root account=ci >/dev/null
fi

# ---------------------------------------------------------------- controller and node
alive slurmctld || { /usr/sbin/slurmctld || die "slurmctld"; wait_for 20 slurmctld scontrol ping; say "slurmctld up"; }
alive slurmd || { /usr/sbin/slurmd >/dev/null 2>&1 || die "slurmd: $(grep -E 'error|fatal' "$ROOT/log/slurmd.log" | tail -3)"; say "slurmd started"; }
node_ok() { sinfo -h -N -n "$HOST" -o %T | grep -qE '^(idle|mixed|allocated)$'; }
for ((i = 0; i < 100; i++)); do
    node_ok && break
    case $(sinfo -h -N -n "$HOST" -o %T | head -1) in
        down*|drained*|draining*) scontrol update nodename="$HOST" state=resume 2>/dev/null || true ;;
    esac
    sleep 0.2
done
node_ok || { scontrol show node "$HOST" >&2; die "node is not usable"; }
say "ready: $(sinfo -h -o '%P %t %c cpus %m MB %G' | tr '\n' ';')"
