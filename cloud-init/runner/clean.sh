# Slots, before each job and after it: what the user of jobs has left outside of its unit is gone, or this fails and says
# what is there. A job may have had a session, a timer and files wherever everybody may write.
# What others would start comes first.
places='/var/spool /tmp /var/tmp /dev/shm /run/lock /var/lock /var/crash /var/mail'
own() { for place in $places; do [ ! -d $place ] || find -P $place/ -xdev "(" -user runner -o -group runner ")" "$@"; done; }
alive() { pgrep -U runner -r D,I,R,S,T,t || pgrep -u runner -r D,I,R,S,T,t; }
rm -f /var/lib/systemd/linger/runner
loginctl terminate-user runner || :
tries=0
while alive; do
  pkill -KILL -U runner || pkill -KILL -u runner || :
  tries=$((tries + 1))
  [ $tries -lt 100 ] || { echo "processes stay: $(alive)"; return 1; }
  sleep 0.1
done
own -depth -delete
find -P /home/runner/ -xdev -mindepth 1 -depth -delete
# The folder, too: lists of rights that it got stay with it, and what is made in it inherits them.
rmdir /home/runner || :
mkdir -p /home/runner
cp -a /etc/skel/. /home/runner
chown -R runner: /home/runner
chmod 750 /home/runner
left=$(own)
[ ! "$left" ] || { echo "files stay: $left"; return 1; }
# A session may have come up while the last one was ended. Nothing is left that a later one could run.
! alive || { echo "processes came back"; return 1; }
